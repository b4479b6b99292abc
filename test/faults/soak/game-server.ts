/** The smallest game server there is: says Ready until it is, and pings health, over REST; prints where its SDK is. */
import { request } from 'node:http';

const HEALTH_INTERVAL_MS = 500;
const LOOK_AGAIN_MS = 1000;
const RETRY_MS = 200;
const port = process.env['AGONES_SDK_HTTP_PORT'];

/** @param done - gets the body of the answer; undefined when there was none, or a refusal */
function call(method: string, path: string, done: (body: string | undefined) => void): void {
  const sent = request({ port, path, method, host: '127.0.0.1', agent: false }, (answer) => {
    let body = '';
    answer.on('data', (chunk: Buffer) => (body += chunk.toString()));
    answer.on('end', () => {
      done(answer.statusCode === 200 ? body : undefined);
    });
    answer.on('error', () => {
      done(undefined);
    });
  });
  sent.on('error', () => {
    done(undefined);
  });
  sent.end(method === 'POST' ? '{}' : undefined);
}

function sayReady(): void {
  call('POST', '/ready', (answer) => {
    if (answer === undefined) {
      setTimeout(sayReady, RETRY_MS);
      return;
    }
    process.stdout.write('ready\n');
    setTimeout(makeSure, LOOK_AGAIN_MS);
  });
}

/** An SDK server that crashes loses what it was told and had not written yet. */
function makeSure(): void {
  call('GET', '/gameserver', (answer) => {
    if (answer === undefined) setTimeout(makeSure, RETRY_MS);
    else if (/"state":\s*"(Scheduled|Starting)"/.test(answer)) sayReady();
  });
}

process.stdout.write(`SDK at ${port}\n`);
sayReady();
setInterval(() => {
  call('POST', '/health', () => {
    // The next one is soon enough.
  });
}, HEALTH_INTERVAL_MS);
process.on('SIGTERM', () => {
  process.exit(0);
});

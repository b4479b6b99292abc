/** The smallest game server there is: says Ready and pings health over REST; a line a state on standard output. */
import { request } from 'node:http';

const HEALTH_INTERVAL_MS = 500;
const READY_RETRY_MS = 200;
const port = process.env['AGONES_SDK_HTTP_PORT'];

function post(path: string, done: (ok: boolean) => void): void {
  const call = request({ port, path, method: 'POST', host: '127.0.0.1', agent: false }, (answer) => {
    answer.resume();
    done(answer.statusCode === 200);
  });
  call.on('error', () => {
    done(false);
  });
  call.end('{}');
}

function becomeReady(): void {
  post('/ready', (ok) => {
    if (ok) process.stdout.write('ready\n');
    else setTimeout(becomeReady, READY_RETRY_MS);
  });
}

process.stdout.write(`SDK at ${port}\n`);
becomeReady();
setInterval(() => {
  post('/health', () => {
    // The next one is soon enough.
  });
}, HEALTH_INTERVAL_MS);
process.on('SIGTERM', () => {
  process.exit(0);
});

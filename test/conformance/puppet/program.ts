/**
 * A game server on strings: it does nothing of itself, and a case pulls the strings over one port.
 *
 * It is given to a Pod as an argument of `node`, so it is one file, of plain Node, without a word that Kubernetes would
 * expand. What it answers:
 *
 * - CONNECT sdk-http | sdk-grpc: a tunnel to the SDK server, so that a case speaks to the sidecar as a game would;
 * - POST /health?everyMs=N: pings from now on (0 stops);
 * - POST /exit?code=N: ends at once;
 * - POST /hold: from now on SIGTERM is noted and not obeyed;
 * - GET /life: what it has seen, as JSON.
 */
import { createServer, request } from 'node:http';
import { connect } from 'node:net';

const grpcPort = Number(process.env['AGONES_SDK_GRPC_PORT']);
const httpPort = Number(process.env['AGONES_SDK_HTTP_PORT']);
const life = { signals: [] as string[], argv: process.argv.slice(1), startedAt: Date.now(), grpcPort, httpPort };
let obeysSignals = true;
let pings: NodeJS.Timeout | undefined;

process.on('SIGTERM', () => {
  life.signals.push('SIGTERM');
  console.log('heard SIGTERM');
  if (obeysSignals) process.exit(0);
});

function callSdk(method: string, path: string, body: string | undefined): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const call = request(
      { host: 'localhost', port: httpPort, method, path, headers: { 'content-type': 'application/json' } },
      (answer) => {
        let text = '';
        answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
      },
    );
    call.on('error', reject);
    call.end(body);
  });
}

function pingEvery(everyMs: number): void {
  clearInterval(pings);
  const ping = (): void => void callSdk('POST', '/health', '{}').catch(() => undefined);
  if (everyMs > 0) {
    ping();
    pings = setInterval(ping, everyMs);
  }
}

/** The number Agones chose, which the game server learns from its SDK server once it stands in the status. */
async function ownPort(): Promise<number> {
  for (;;) {
    const answer = await callSdk('GET', '/gameserver', undefined).catch(() => undefined);
    const status =
      answer?.status === 200
        ? (JSON.parse(answer.text) as { status?: { ports?: { port: number }[] } }).status
        : undefined;
    const port = status?.ports?.[0]?.port;
    if (port !== undefined) return port;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const strings = createServer((asked, answer) => {
  const url = new URL(asked.url ?? '/', 'http://puppet');
  if (url.pathname === '/health') pingEvery(Number(url.searchParams.get('everyMs')));
  if (url.pathname === '/hold') obeysSignals = false;
  answer.end(JSON.stringify(life));
  if (url.pathname === '/exit') answer.on('finish', () => process.exit(Number(url.searchParams.get('code'))));
});

strings.on('connect', (asked, socket, head) => {
  const tunnel = connect(asked.url === 'sdk-grpc' ? grpcPort : httpPort, 'localhost', () => {
    socket.write('HTTP/1.1 200 OK\r\n\r\n');
    tunnel.write(head);
    socket.pipe(tunnel).pipe(socket);
  });
  tunnel.on('error', () => socket.destroy());
  socket.on('error', () => tunnel.destroy());
});

pingEvery(Number(process.env['PUPPET_PING_MS'] ?? 1000));
if (process.env['PUPPET_EXIT_CODE'] !== undefined) process.exit(Number(process.env['PUPPET_EXIT_CODE']));
const port = await ownPort();
strings.listen(port, () => {
  console.log('puppet listens');
});
if (process.env['PUPPET_READY'] === 'true') await callSdk('POST', '/ready', '{}');

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { systemClock } from '../../lib/clock.ts';
import { JoinTokenIssuer } from '../../lib/join-token.ts';
import { generateKeys, parseKeySet } from '../../lib/key-set.ts';
import type { GeneratedKeys } from '../../lib/key-set.ts';
import { silentLogger } from '../../lib/logger.ts';
import { loadConfig } from '../config.ts';
import { Gateway } from '../gateway.ts';
import type { GatewayOptions } from '../gateway.ts';

export const SESSION_ID = 'abcdefghijklmnop';

const cleanUps: (() => Promise<void> | void)[] = [];

/** For `afterEach`: closes what the functions below opened, last first. */
export async function closeAll(): Promise<void> {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
}

/** Has something done by `closeAll`. */
export function closing(cleanUp: () => Promise<void> | void): void {
  cleanUps.push(cleanUp);
}

export interface FrontDoor {
  gateway: Gateway;
  /** `http://127.0.0.1:PORT` */
  url: string;
  port: number;
  tokens: TokenSource;
}

/** A gateway on a free port with keys of its own. */
export async function openFrontDoor(
  environment: Record<string, string> = {},
  options: Partial<Pick<GatewayOptions, 'certificate' | 'clock' | 'sealingKeys' | 'processes'>> = {},
): Promise<FrontDoor> {
  const keys = generateKeys();
  const config = loadConfig({
    PORT: '0',
    LISTEN_ADDRESS: '127.0.0.1',
    ALLOCATOR_URL: 'http://127.0.0.1:1',
    SEALING_KEYS_FILE: 'given',
    CONNECT_RETRY_MS: '0',
    LINGER_MS: '1000',
    ...environment,
  });
  const gateway = new Gateway({
    config,
    sealingKeys: parseKeySet(keys.sealing, 'seal', 'sealing'),
    clock: systemClock,
    logger: silentLogger,
    ...options,
  });
  const url = await gateway.listen();
  cleanUps.push(() => gateway.destroy());
  return { gateway, url, port: Number(new URL(url).port), tokens: tokenSource(keys) };
}

export interface TokenSource {
  /** The query of a session URL and what it holds for the GameServer. */
  issue(
    port: number,
    options?: { sessionId?: string; livesSeconds?: number; address?: string; resumableSeconds?: number },
  ): Promise<Tokens>;
}

export interface Tokens {
  sealed: string;
  seatToken: string;
  /** `/session/ID?token=…` */
  path: string;
}

export function tokenSource(keys: GeneratedKeys): TokenSource {
  const issuer = new JoinTokenIssuer({
    sealing: parseKeySet(keys.sealing, 'seal', 'sealing'),
    signing: parseKeySet(keys.signing, 'sign', 'signing'),
  });
  return {
    async issue(
      port,
      { sessionId = SESSION_ID, livesSeconds = 60, address = '127.0.0.1', resumableSeconds = 3600 } = {},
    ) {
      const now = new Date().toISOString();
      const nowSeconds = Math.floor(Date.now() / 1000);
      const tokens = await issuer.issue(
        {
          playerId: 'ann',
          gameServerUid: 'uid-1',
          expiresAtSeconds: nowSeconds + livesSeconds,
          session: {
            version: 1,
            sessionId,
            game: 'boat-race',
            mode: 'exclusive',
            seats: 8,
            madeAt: now,
            joinBy: now,
          },
        },
        { address, port, resumableUntilSeconds: nowSeconds + resumableSeconds },
      );
      return { ...tokens, path: `/session/${sessionId}?token=${tokens.sealed}` };
    },
  };
}

export interface GameServerStandIn {
  port: number;
  /** TCP connections taken so far. */
  connections: number;
  /** Request targets and headers of upgrades, in order. */
  upgrades: { target: string; headers: NodeJS.Dict<string | string[]> }[];
  sockets: Socket[];
  webSockets: WebSocketServer;
}

/** A WebSocket server that echoes each message as it was. */
export async function openGameServer(): Promise<GameServerStandIn> {
  const server = createServer();
  const webSockets = new WebSocketServer({ server, perMessageDeflate: false, maxPayload: 32 * 1024 * 1024 });
  const standIn: GameServerStandIn = { port: 0, connections: 0, upgrades: [], sockets: [], webSockets };
  server.on('connection', (socket) => {
    standIn.connections += 1;
    standIn.sockets.push(socket);
  });
  webSockets.on('connection', (webSocket, request) => {
    standIn.upgrades.push({ target: request.url ?? '', headers: request.headers });
    webSocket.on('error', () => webSocket.terminate());
    webSocket.on('message', (data, isBinary) => webSocket.send(data, { binary: isBinary }));
  });
  standIn.port = await listen(server);
  cleanUps.push(async () => {
    for (const socket of standIn.sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  return standIn;
}

export async function openAllocator(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  const port = await listen(server);
  cleanUps.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return `http://127.0.0.1:${port}`;
}

/** A TCP server that hands each connection to the test. */
export async function openTcpServer(onConnection: (socket: Socket) => void): Promise<number> {
  const sockets: Socket[] = [];
  const server = createTcpServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => socket.destroy());
    onConnection(socket);
  });
  const port = await listen(server);
  cleanUps.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  return port;
}

/** A port where nobody listens. */
export async function unusedPort(): Promise<number> {
  const server = createTcpServer();
  const port = await listen(server);
  server.close();
  await once(server, 'close');
  return port;
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

export async function openWebSocket(url: string, options: object = {}): Promise<WebSocket> {
  const webSocket = new WebSocket(url.replace(/^http/, 'ws'), { perMessageDeflate: false, ...options });
  cleanUps.push(() => {
    webSocket.terminate();
  });
  await once(webSocket, 'open');
  // Only from here on: a failed opening is the caller's to see.
  webSocket.on('error', () => webSocket.terminate());
  return webSocket;
}

export interface Refusal {
  status: number;
  problem: { code: string; status: number; errors?: { field: string }[] };
  headers: NodeJS.Dict<string | string[]>;
}

/** The problem document with which an upgrade is refused. */
export async function refusalOf(url: string, options: object = {}): Promise<Refusal> {
  const webSocket = new WebSocket(url.replace(/^http/, 'ws'), { perMessageDeflate: false, ...options });
  return new Promise((resolve, reject) => {
    webSocket.on('error', reject);
    webSocket.on('open', () => {
      webSocket.terminate();
      reject(new Error('the upgrade was not refused'));
    });
    webSocket.on('unexpected-response', (_request, response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, problem: JSON.parse(text), headers: response.headers });
      });
    });
  });
}

/** Sends bytes as they are and gives back all that comes until the end. */
export async function exchange(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString('latin1')));
  socket.on('error', () => socket.destroy());
  socket.write(bytes, 'latin1');
  await once(socket, 'close');
  return text;
}

export async function waitFor(condition: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAtMs = Date.now() + 20_000;
  while (!(await condition())) {
    if (Date.now() > giveUpAtMs) throw new Error('the condition did not come true');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

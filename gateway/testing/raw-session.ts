import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { FrontDoor } from './front-door.ts';
import { openTcpServer } from './front-door.ts';

const HEAD_END = '\r\n\r\n';
const GIVE_UP_MS = 20_000;

/** One end of a WebSocket as bare bytes: it sends what it is told to and keeps all that comes. */
export class RawEnd {
  readonly socket: Socket;
  readonly #chunks: Buffer[] = [];
  #receivedBytes = 0;
  #hasEnded = false;
  #headBytes: number | undefined;
  readonly #waiting = new Set<() => void>();

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#receivedBytes += chunk.length;
      this.#tell();
    });
    const onEnd = (): void => {
      this.#hasEnded = true;
      this.#tell();
    };
    socket.on('end', onEnd);
    socket.on('close', onEnd);
    socket.on('error', () => socket.destroy());
  }

  /** All that came behind the head of the handshake. */
  get received(): Buffer {
    return Buffer.concat(this.#chunks).subarray(this.#headBytes);
  }

  /** Waits for the head of the handshake. */
  async head(): Promise<string> {
    let end = -1;
    await this.#until('the head', () => (end = Buffer.concat(this.#chunks).indexOf(HEAD_END)) >= 0);
    this.#headBytes = end + HEAD_END.length;
    return Buffer.concat(this.#chunks).toString('latin1', 0, end);
  }

  /** Waits until so many bytes came behind the head. */
  async receivedBytes(bytes: number): Promise<void> {
    await this.#until(`${bytes} bytes`, () => this.#receivedBytes - (this.#headBytes ?? 0) >= bytes);
  }

  /** Waits until the other side sends no more. */
  async ended(): Promise<void> {
    await this.#until('the end', () => this.#hasEnded);
  }

  async #until(what: string, isSo: () => boolean): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        reject(new Error(`did not come: ${what}; ${this.#receivedBytes} bytes are here`));
      }, GIVE_UP_MS);
      const look = (): void => {
        if (!isSo()) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  #tell(): void {
    for (const look of this.#waiting) look();
  }
}

/** A GameServer that takes any upgrade and does nothing by itself. */
export interface RawGameServer {
  port: number;
  /** The next connection that is made to it. */
  next(): Promise<RawEnd>;
}

export async function openRawGameServer(): Promise<RawGameServer> {
  const waiting: ((end: RawEnd) => void)[] = [];
  const port = await openTcpServer((socket) => waiting.shift()?.(new RawEnd(socket)));
  return { port, next: () => new Promise((resolve) => waiting.push(resolve)) };
}

/**
 * A session through the door, upgraded.
 *
 * @param glued - bytes that each end sends in one piece with its half of the handshake
 */
export async function openRawSession(
  door: FrontDoor,
  gameServer: RawGameServer,
  glued: { client: Buffer; gameServer: Buffer },
): Promise<{ client: RawEnd; gameServerEnd: RawEnd }> {
  const { path } = await door.tokens.issue(gameServer.port);
  const connecting = gameServer.next();
  const socket = connect({ port: door.port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  await once(socket, 'connect');
  const client = new RawEnd(socket);
  const head = [
    `GET ${path} HTTP/1.1`,
    'Host: play.example',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    HEAD_END.slice(2),
  ].join('\r\n');
  socket.write(Buffer.concat([Buffer.from(head), glued.client]));
  const gameServerEnd = await connecting;
  await gameServerEnd.head();
  const answer = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket${HEAD_END}`;
  gameServerEnd.socket.write(Buffer.concat([Buffer.from(answer), glued.gameServer]));
  await client.head();
  return { client, gameServerEnd };
}

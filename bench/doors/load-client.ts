import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { maskedMessage, MESSAGE_BYTES, SHORT_FRAME_HEADER_BYTES } from './frames.ts';
import type { LoadCommand, LoadResult, Opened, RoundTrips } from './load.ts';

/**
 * The players of the gateway's benchmark, a program of its own. Bare sockets, frames made beforehand and one buffer to
 * read into, so that what is measured is what lies between it and the game server.
 */
const REPLY_BYTES = SHORT_FRAME_HEADER_BYTES + MESSAGE_BYTES;
const FRAME = maskedMessage();
const READ_BUFFER = Buffer.allocUnsafe(64 * 1024);
const OPEN_DEADLINE_MS = 20_000;
const SEND_EVERY_MS = 1;
/** After the last message, so long for the last reply. */
const LAST_REPLY_MS = 2000;

class Player {
  readonly #socket: Socket;
  /** When the messages that have no reply yet were sent. */
  readonly #sentAtMs: number[] = [];
  #replyBytes = 0;
  #head: string | undefined = '';
  #onOpen: ((isOpen: boolean) => void) | undefined;
  onReply: (durationMs: number) => void = () => {};

  constructor(port: number, request: string, onOpen: (isOpen: boolean) => void) {
    this.#onOpen = onOpen;
    this.#socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer: READ_BUFFER,
        callback: (bytes, buffer) => {
          this.#read(bytes, buffer);
          return true;
        },
      },
    });
    this.#socket.setTimeout(OPEN_DEADLINE_MS, () => this.cut());
    this.#socket.on('error', () => this.cut());
    this.#socket.once('close', () => this.#opened(false));
    this.#socket.write(request);
  }

  send(): void {
    this.#sentAtMs.push(performance.now());
    this.#socket.write(FRAME);
  }

  /** With a reset: ports that wait for stragglers would run out. */
  cut(): void {
    this.#socket.resetAndDestroy();
  }

  #read(bytes: number, buffer: Uint8Array): void {
    if (this.#head !== undefined) {
      this.#head += Buffer.from(buffer.buffer, buffer.byteOffset, bytes).toString('latin1');
      if (!this.#head.endsWith('\r\n\r\n')) return;
      const isUpgraded = this.#head.startsWith('HTTP/1.1 101');
      this.#head = undefined;
      this.#socket.setTimeout(0);
      this.#opened(isUpgraded);
      return;
    }
    this.#replyBytes += bytes;
    while (this.#replyBytes >= REPLY_BYTES) {
      this.#replyBytes -= REPLY_BYTES;
      const sentAtMs = this.#sentAtMs.shift();
      if (sentAtMs !== undefined) this.onReply(performance.now() - sentAtMs);
    }
  }

  #opened(isOpen: boolean): void {
    this.#onOpen?.(isOpen);
    this.#onOpen = undefined;
  }
}

const groups = new Map<string, Player[]>();

/** Opens players, so many at once, until there are `count`; those that fail are counted and cut. */
async function open(
  command: { port: number; path: string; count: number; inFlight: number },
  keep: Player[] | undefined,
) {
  const key = randomBytes(16).toString('base64');
  const request = `GET ${command.path} HTTP/1.1\r\nHost: bench.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`;
  const startedAtMs = performance.now();
  const result: Opened = { opened: 0, failed: 0, seconds: 0 };
  let left = command.count;
  const openOne = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      let player: Player | undefined;
      const isOpen = await new Promise<boolean>((resolve) => {
        player = new Player(command.port, request, resolve);
      });
      if (isOpen) result.opened += 1;
      else result.failed += 1;
      if (isOpen && keep !== undefined && player !== undefined) keep.push(player);
      else player?.cut();
    }
  };
  await Promise.all(Array.from({ length: command.inFlight }, openOne));
  result.seconds = (performance.now() - startedAtMs) / 1000;
  return result;
}

/** Messages at their times whether or not earlier ones were answered, by the players in turn. */
async function play(players: readonly Player[], perSecond: number, seconds: number): Promise<RoundTrips> {
  const durationsMs = new Float64Array(perSecond * seconds);
  let replies = 0;
  for (const player of players) player.onReply = (durationMs) => (durationsMs[replies++] = durationMs);
  const startedAtMs = performance.now();
  let sent = 0;
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const elapsedMs = performance.now() - startedAtMs;
      const due = Math.min(durationsMs.length, Math.floor((elapsedMs * perSecond) / 1000));
      for (; sent < due; sent += 1) players[sent % players.length]?.send();
      const isOver = replies === durationsMs.length || elapsedMs > seconds * 1000 + LAST_REPLY_MS;
      if (!isOver) return;
      clearInterval(timer);
      resolve();
    }, SEND_EVERY_MS);
  });
  return { sent, durationsMs: durationsMs.slice(0, replies) };
}

async function run(command: LoadCommand): Promise<LoadResult> {
  const players = groups.get(command.group) ?? [];
  groups.set(command.group, players);
  switch (command.what) {
    case 'open':
      return open(command, players);
    case 'open and cut':
      return open(command, undefined);
    case 'play':
      return play(players, command.perSecond, command.seconds);
    case 'cut':
      for (const player of players.splice(0)) player.cut();
      return { opened: 0, failed: 0, seconds: 0 };
  }
}

process.on('message', (command: LoadCommand) => {
  void run(command).then((result) => process.send?.(result));
});
process.once('disconnect', () => process.exit(0));
process.send?.({ ready: true });

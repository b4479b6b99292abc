import type { ConnectionOptions } from 'node:tls';
import { WebSocket } from 'ws';
import type { ClientMessage, ServerMessage } from '../../server/games/boat-race/protocol.ts';

const ANSWER_DEADLINE_MS = 10_000;
const MAX_KEPT_MESSAGES = 2_000;

interface NewGame {
  sessionId: string;
  wsUrl: string;
  expiresAt: string;
  /** The next four in direct mode only. */
  address?: string;
  ports?: { name: string; port: number }[];
  token?: string;
  directWsUrl?: string;
  allocation?: { durationMs: number; gameServer: string };
}

/**
 * Presses New Game: the request a page makes.
 *
 * @throws Error with status and body when the answer is not 201
 */
export async function newGame(url: string, playerId: string, waitSeconds = 10): Promise<NewGame> {
  return post(`${url}/api/new-game`, { playerId }, waitSeconds);
}

/** Comes to a session by invitation. */
export async function joinSession(url: string, sessionId: string, playerId: string): Promise<NewGame> {
  return post(`${url}/api/sessions/${sessionId}/join`, { playerId }, 10);
}

async function post(url: string, body: object, waitSeconds: number): Promise<NewGame> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer: `wait=${waitSeconds}` },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout((waitSeconds + 10) * 1000),
  });
  const text = await answer.text();
  if (answer.status !== 201) throw new Error(`${url} answered ${answer.status}: ${text}`);
  return JSON.parse(text) as NewGame;
}

/** One player's connection to a boat race: a plain WebSocket client. */
export class Sailor {
  readonly #socket: WebSocket;
  readonly #messages: ServerMessage[] = [];
  readonly #listeners = new Set<() => void>();
  #closeCode: number | undefined;
  #refusal: { status: number; body: string } | undefined;

  /** @param tls - whom to trust, where the URL is a `wss` one and its certificate of the test's own */
  constructor(wsUrl: string, tls: Pick<ConnectionOptions, 'ca' | 'lookup'> = {}) {
    this.#socket = new WebSocket(wsUrl, { perMessageDeflate: false, ...tls });
    this.#socket.on('message', (data: Buffer) => {
      if (this.#messages.length >= MAX_KEPT_MESSAGES) this.#messages.shift();
      this.#messages.push(JSON.parse(data.toString()) as ServerMessage);
      this.#changed();
    });
    this.#socket.on('close', (code) => {
      this.#closeCode ??= code;
      this.#changed();
    });
    this.#socket.on('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => {
        this.#refusal = { status: response.statusCode ?? 0, body };
        this.#changed();
      });
    });
    this.#socket.on('error', () => {
      // A close event follows, or the refusal above says more.
    });
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  get closeCode(): number | undefined {
    return this.#closeCode;
  }

  say(message: ClientMessage): void {
    this.#socket.send(JSON.stringify(message));
  }

  /** The first message of this type, past or to come. */
  async hear<Type extends ServerMessage['type']>(
    type: Type,
    where: (message: Extract<ServerMessage, { type: Type }>) => boolean = () => true,
    deadlineMs = ANSWER_DEADLINE_MS,
  ): Promise<Extract<ServerMessage, { type: Type }>> {
    type Wanted = Extract<ServerMessage, { type: Type }>;
    return this.#until(`a ${type} message`, deadlineMs, () =>
      this.#messages.find((message): message is Wanted => message.type === type && where(message as Wanted)),
    );
  }

  /** The last message of this type so far. */
  newest<Type extends ServerMessage['type']>(type: Type): Extract<ServerMessage, { type: Type }> | undefined {
    type Wanted = Extract<ServerMessage, { type: Type }>;
    return this.#messages.findLast((message): message is Wanted => message.type === type);
  }

  /** The close code, once the connection is closed. */
  async closed(deadlineMs = ANSWER_DEADLINE_MS): Promise<number> {
    return this.#until('the close', deadlineMs, () => this.#closeCode, true);
  }

  /** Status and body of the HTTP answer that refused the upgrade. */
  async refused(): Promise<{ status: number; body: string }> {
    return this.#until('a refusal', ANSWER_DEADLINE_MS, () => this.#refusal, true);
  }

  leave(): void {
    this.#socket.close();
  }

  #until<T>(what: string, deadlineMs: number, look: () => T | undefined, closeIsFine = false): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#listeners.delete(check);
      };
      const check = (): void => {
        const seen = look();
        if (seen !== undefined) {
          end();
          resolve(seen);
        } else if (this.#closeCode !== undefined && !closeIsFine) {
          end();
          reject(new Error(`closed with ${this.#closeCode} while waiting for ${what}`));
        }
      };
      const timer = setTimeout(() => {
        end();
        reject(new Error(`not within ${deadlineMs} ms: ${what}`));
      }, deadlineMs);
      this.#listeners.add(check);
      check();
    });
  }
}

import { request } from 'node:http';
import { WebSocket } from 'ws';
import { systemClock } from '../../lib/clock.ts';
import { JoinTokenIssuer, SeatVerifier } from '../../lib/join-token.ts';
import { generateKeys, parseKeySet } from '../../lib/key-set.ts';
import { silentLogger } from '../../lib/logger.ts';
import { RESUME_SUBPROTOCOL, returnUrl } from '../../lib/resume-protocol.ts';
import type { SeatMessage } from '../../lib/resume-protocol.ts';
import type { SessionDescriptor } from '../../lib/session.ts';
import { AgonesSdk } from './agones-sdk.ts';
import type { Game, GameSession, Player, SessionContext } from './game.ts';
import type { KitConfig } from './kit-config.ts';
import { runGameServer } from './run-game-server.ts';
import type { RunningGameServer } from './run-game-server.ts';
import { until } from './test-conditions.ts';
import { TestSidecar } from './test-sidecar.ts';

/** Repeats what it is told, and notes what the kit calls. */
export class EchoSession implements GameSession {
  readonly calls: string[] = [];
  isBusy = false;
  readonly context: SessionContext;

  constructor(context: SessionContext) {
    this.context = context;
  }

  join(player: Player): void {
    this.calls.push(`join ${player.playerId} ${player.seat}`);
    player.send(`seat ${player.seat}`);
  }

  /** Deleted, the game is one that does without. */
  resume?: (player: Player) => void = ({ playerId }) => {
    this.calls.push(`resume ${playerId}`);
  };

  disconnect({ playerId }: Player): void {
    this.calls.push(`disconnect ${playerId}`);
  }

  leave({ playerId }: Player): void {
    this.calls.push(`leave ${playerId}`);
  }

  message(player: Player, text: string): boolean {
    if (text === 'nonsense') return false;
    if (text === 'throw') throw new Error('the game is broken');
    if (text === 'end') this.context.end();
    else if (text === 'flood') for (let index = 0; index < 2000; index += 1) player.send('x'.repeat(10_000));
    else this.context.broadcast(`${player.playerId}: ${text}`);
    return true;
  }

  isInPlay(): boolean {
    return this.isBusy;
  }

  drain(): void {
    this.calls.push('drain');
  }
}

const keys = generateKeys();
const baseConfig: KitConfig = {
  port: 0,
  portName: 'game',
  tlsPort: 0,
  tlsPortName: 'game-tls',
  host: '127.0.0.1',
  endPolicy: 'Shutdown',
  isDirectAdmission: false,
  directSeats: 4,
  allocationWaitMs: 200,
  stateWaitMs: 1000,
  seatGraceMs: 5000,
  idleLimitMs: 5000,
  directJoinMs: 5000,
  maxSessionMs: 60_000,
  stopGraceMs: 0,
  terminationWaitMs: 50,
  closeWaitMs: 500,
  pingIntervalMs: 5000,
  maxQueuedBytes: 100_000,
  maxReplayMessages: 100,
  maxReplayBytes: 50_000,
  maxMessagesPerSecond: 1000,
  maxBadMessages: 3,
  maxConnections: 100,
};

interface PlayerOptions {
  headers?: Record<string, string>;
  protocols?: string[];
}

/** A player's end of a connection, or the refusal it met. */
export class TestPlayer {
  readonly messages: string[] = [];
  /** Binary ones, which are the kit's. */
  readonly controls: SeatMessage[] = [];
  closeCode: number | undefined;
  refusal: { status: number; code: string } | undefined;
  readonly socket: WebSocket;

  constructor(port: number, path: string, { headers = {}, protocols = [] }: PlayerOptions = {}) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocols, { headers, perMessageDeflate: false });
    this.socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) this.controls.push(JSON.parse(data.toString()) as SeatMessage);
      else this.messages.push(data.toString());
    });
    this.socket.on('close', (code) => (this.closeCode = code));
    this.socket.on('error', () => {});
    this.socket.on('unexpected-response', (_, response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => {
        const { code } = JSON.parse(body) as { code: string };
        this.refusal = { status: response.statusCode ?? 0, code };
      });
    });
  }

  async seated(): Promise<this> {
    await until(() => this.messages.length > 0 || this.refusal !== undefined, 'a seat or a refusal');
    expect(this.refusal).toBeUndefined();
    return this;
  }

  /** The kit's first word to a client that can come back. */
  async seat(): Promise<SeatMessage> {
    await until(() => this.controls.length > 0 || this.refusal !== undefined, 'a seat message or a refusal');
    const [seat] = this.controls;
    if (seat === undefined) throw new Error(`it was refused: ${JSON.stringify(this.refusal)}`);
    return seat;
  }

  async refused(): Promise<{ status: number; code: string }> {
    await until(() => this.refusal !== undefined || this.messages.length > 0, 'a refusal');
    return this.refusal ?? { status: 101, code: '' };
  }

  async closed(): Promise<number | undefined> {
    await until(() => this.closeCode !== undefined, 'the connection is closed');
    return this.closeCode;
  }
}

interface TokenOptions {
  playerId?: string;
  gameServerUid?: string;
  lifeSeconds?: number;
  /** Keys of another installation. */
  signing?: string;
}

let sessionNumber = 0;

/** A session that nobody had before. */
export function newSession(options: Partial<SessionDescriptor> = {}): SessionDescriptor {
  sessionNumber += 1;
  return {
    version: 1,
    sessionId: `session${String(sessionNumber).padStart(12, '0')}`,
    game: 'echo',
    mode: 'exclusive',
    seats: 8,
    madeAt: new Date(Date.now() + sessionNumber).toISOString(),
    joinBy: new Date(Date.now() + 30_000).toISOString(),
    ...options,
  };
}

/** For tests: a game server with a game that repeats what it is told, on a sidecar of its own, and its players. */
export class TestGameServer {
  readonly sidecar = new TestSidecar();
  /** In the order they were opened. */
  readonly sessions: EchoSession[] = [];
  cannotOpen = false;
  readonly #players: TestPlayer[] = [];
  #sdk: AgonesSdk | undefined;
  #running: RunningGameServer | undefined;

  get sdk(): AgonesSdk {
    if (this.#sdk === undefined) throw new Error('the game server was not started');
    return this.#sdk;
  }

  get running(): RunningGameServer {
    if (this.#running === undefined) throw new Error('the game server was not started');
    return this.#running;
  }

  async start(options: Partial<KitConfig> = {}): Promise<void> {
    const sdk = await AgonesSdk.connect({
      grpcPort: this.sidecar.port,
      connectBudgetMs: 5000,
      callDeadlineMs: 1000,
      minBackoffMs: 20,
      maxBackoffMs: 100,
      healthStreamMaxAgeMs: 60_000,
      clock: systemClock,
      logger: silentLogger,
    });
    this.#sdk = sdk;
    const game: Game = {
      name: 'echo',
      maxSeats: 100,
      maxMessageBytes: 64,
      open: (context) => {
        if (this.cannotOpen) throw new Error('the game cannot open');
        const session = new EchoSession(context);
        this.sessions.push(session);
        return session;
      },
    };
    this.#running = await runGameServer({
      game,
      sdk,
      seatCheck: new SeatVerifier(parseKeySet(keys.verifying, 'verify', 'keys')),
      config: { ...baseConfig, ...options },
      logger: silentLogger,
      clock: systemClock,
    });
  }

  async stop(): Promise<void> {
    for (const { socket } of this.#players) socket.terminate();
    await this.#running?.stop();
    this.#sdk?.close();
    this.sidecar.stop();
  }

  connect(path: string, options: PlayerOptions = {}, port = this.running.port): TestPlayer {
    const player = new TestPlayer(port, path, options);
    this.#players.push(player);
    return player;
  }

  async join(session: SessionDescriptor, options: TokenOptions = {}): Promise<TestPlayer> {
    return this.connect(`/session/${session.sessionId}?token=${await this.seatToken(session, options)}`);
  }

  /** Joins as a client that can come back, or does so. */
  async joinResumable(
    session: SessionDescriptor,
    { resume, after = 0, ...options }: TokenOptions & { resume?: string; after?: number } = {},
  ): Promise<TestPlayer> {
    const path = `/session/${session.sessionId}?token=${await this.seatToken(session, options)}`;
    const target = resume === undefined ? path : returnUrl(path, { secret: resume, after });
    return this.connect(target, { protocols: [RESUME_SUBPROTOCOL] });
  }

  async seatToken(session: SessionDescriptor, options: TokenOptions = {}): Promise<string> {
    const { playerId = 'ann', gameServerUid = this.sidecar.uid, lifeSeconds = 60, signing = keys.signing } = options;
    const issuer = new JoinTokenIssuer({
      sealing: parseKeySet(keys.sealing, 'seal', 'keys'),
      signing: parseKeySet(signing, 'sign', 'keys'),
    });
    const expiresAtSeconds = Math.floor(Date.now() / 1000) + lifeSeconds;
    const tokens = await issuer.issue({ playerId, gameServerUid, expiresAtSeconds, session }, { address: '', port: 1 });
    return tokens.seatToken;
  }

  async get(path: string): Promise<{ status: number; body: string; type: string | undefined }> {
    const { port } = this.running;
    return new Promise((resolve, reject) => {
      const call = request({ port, host: '127.0.0.1', path, agent: false }, (response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString()));
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, body, type: response.headers['content-type'] });
        });
      });
      call.on('error', reject);
      call.end();
    });
  }
}

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { chooseFreePort } from '../../../bin/free-ports.ts';
import { JoinTokenIssuer } from '../../../lib/join-token.ts';
import { generateKeys, parseKeySet } from '../../../lib/key-set.ts';
import type { SessionDescriptor } from '../../../lib/session.ts';
import { eventually } from '../conditions.ts';
import { ForkedProgram } from '../forked-program.ts';
import { TcpDoor } from '../tcp-door.ts';
import type { PlayerCount } from './counting-game.ts';
import type { CountingGameOptions, CountingGameReady } from './counting-game-server.ts';
import { CountingPlayer } from './counting-player.ts';

const GATEWAYS = 3;
const JOIN_DEADLINE_MS = 60_000;
const SETTLE_DEADLINE_MS = 30_000;

export interface ThreeGatewaysOptions {
  players: number;
  /** Of each player, and of the game to each. */
  messagesPerSecond: number;
  /** Over how long a gateway that stops tells its clients to go. */
  drainSpreadMs: number;
}

/** What came of a run. */
export interface ReconnectFigures {
  players: number;
  restarts: number;
  returns: number;
  /** From the close of a connection to the seat on the next. */
  backMs: { p50: number; p99: number; max: number };
  /** The largest part of all players that came back within one second, whenever it begins. */
  mostInOneSecond: number;
  messages: { toPlayers: number; toGame: number };
  lost: number;
  doubled: number;
  /** Messages the client itself told were lost. */
  told: number;
  /** Players who did not come back, or whose connection ended. */
  gone: number;
  /** The longest time in which the players' own process did nothing: what it had to do then came at once. */
  longestStallMs: number;
}

/** A game server, three gateways before it, a balancer before these, and players who count: each a real process but for the last two. */
export class ThreeGateways {
  readonly #options: ThreeGatewaysOptions;
  readonly #gameServer: ForkedProgram;
  readonly #environments: Record<string, string>[];
  readonly #gateways: ForkedProgram[];
  readonly #door: TcpDoor;
  readonly #directory: string;
  readonly #players: CountingPlayer[] = [];
  readonly #abort = new AbortController();
  readonly #stalls = monitorEventLoopDelay({ resolution: 10 });
  #restarts = 0;
  #talk: NodeJS.Timeout | undefined;

  private constructor(
    options: ThreeGatewaysOptions,
    parts: {
      gameServer: ForkedProgram;
      environments: Record<string, string>[];
      gateways: ForkedProgram[];
      door: TcpDoor;
      directory: string;
    },
  ) {
    this.#options = options;
    this.#gameServer = parts.gameServer;
    this.#environments = parts.environments;
    this.#gateways = parts.gateways;
    this.#door = parts.door;
    this.#directory = parts.directory;
  }

  /** Resolves when every player is in the game and talks. */
  static async start(options: ThreeGatewaysOptions): Promise<ThreeGateways> {
    const directory = await mkdtemp(join(tmpdir(), 'regatta-gateways-'));
    const keys = generateKeys();
    const session = newSession(options.players);
    const gameOptions: CountingGameOptions = {
      verifyingKeys: keys.verifying,
      session,
      ticksPerSecond: options.messagesPerSecond,
    };
    await writeFile(join(directory, 'sealing'), keys.sealing);
    const gameServer = await ForkedProgram.start('test/helpers/three-gateways/counting-game-server.ts', {
      COUNTING_GAME: JSON.stringify(gameOptions),
    });
    const environments = await Promise.all(
      Array.from({ length: GATEWAYS }, async () => ({
        PORT: String(await chooseFreePort()),
        LISTEN_ADDRESS: '127.0.0.1',
        HEALTH_PORT: String(await chooseFreePort()),
        SEALING_KEYS_FILE: join(directory, 'sealing'),
        ALLOCATOR_URL: 'http://127.0.0.1:1',
        WORKERS: '1',
        DRAIN_SPREAD_MS: String(options.drainSpreadMs),
        NODE_COMPILE_CACHE: join(directory, 'compile-cache'),
      })),
    );
    const gateways = await Promise.all(environments.map((environment) => startGateway(environment)));
    const door = await TcpDoor.open(environments.map(({ PORT }) => Number(PORT)));
    const world = new ThreeGateways(options, { gameServer, environments, gateways, door, directory });
    const issuer = new JoinTokenIssuer({
      sealing: parseKeySet(keys.sealing, 'seal', 'sealing'),
      signing: parseKeySet(keys.signing, 'sign', 'signing'),
    });
    await world.#join(issuer, session);
    return world;
  }

  /** Ends one gateway as a rollout does, and starts it again. Resolves when it is up. */
  async restart(index: number): Promise<void> {
    this.#restarts += 1;
    const environment = this.#environments[index];
    if (environment === undefined) throw new Error(`there is no gateway ${index}`);
    await this.#gateways[index]?.stop();
    this.#gateways[index] = await startGateway(environment);
  }

  /** Waits until everybody is back and all that was sent has arrived, and counts. */
  async figures(): Promise<ReconnectFigures> {
    clearInterval(this.#talk);
    this.#stalls.disable();
    let counts = new Map((await this.#gameServer.ask('be still')) as [string, PlayerCount][]);
    // What never arrives shows in the figures.
    await eventually('everything has arrived', SETTLE_DEADLINE_MS, async () => {
      counts = new Map((await this.#gameServer.ask('be still')) as [string, PlayerCount][]);
      const isThere = ({ playerId, sent, received }: CountingPlayer): boolean =>
        counts.get(playerId)?.received === sent && counts.get(playerId)?.sent === received;
      return this.#players.every(isThere) ? true : undefined;
    }).catch(() => undefined);
    return this.#summary(counts);
  }

  async stop(): Promise<void> {
    clearInterval(this.#talk);
    this.#abort.abort();
    await this.#door.close();
    await Promise.all([...this.#gateways, this.#gameServer].map((program) => program.kill()));
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  async #join(issuer: JoinTokenIssuer, session: SessionDescriptor): Promise<void> {
    const { port, gameServerUid } = this.#gameServer.ready as CountingGameReady;
    const expiresAtSeconds = Math.floor(Date.now() / 1000) + 600;
    for (let number = 1; number <= this.#options.players; number += 1) {
      const playerId = `player-${number}`;
      const seat = { playerId, gameServerUid, expiresAtSeconds, session };
      const { sealed } = await issuer.issue(seat, { address: '127.0.0.1', port });
      const wsUrl = `ws://127.0.0.1:${this.#door.port}/session/${session.sessionId}?token=${sealed}`;
      this.#players.push(new CountingPlayer(playerId, wsUrl, this.#abort.signal));
    }
    await eventually('every player has joined', JOIN_DEADLINE_MS, () =>
      this.#players.every(({ hasJoined }) => hasJoined) ? true : undefined,
    );
    this.#stalls.enable();
    this.#talkEvenly();
  }

  /** Each player in turn, so that no moment has more messages than another. */
  #talkEvenly(): void {
    const everyMs = 20;
    const atOnce = (this.#options.players * this.#options.messagesPerSecond * everyMs) / 1000;
    let due = 0;
    let next = 0;
    this.#talk = setInterval(() => {
      for (due += atOnce; due >= 1; due -= 1) {
        this.#players[next]?.sendNext();
        next = (next + 1) % this.#players.length;
      }
    }, everyMs);
  }

  #summary(counts: ReadonlyMap<string, PlayerCount>): ReconnectFigures {
    const players = this.#players;
    const returns = players.flatMap((player) => player.returns);
    const backMs = returns.map(({ afterMs }) => afterMs).toSorted((a, b) => a - b);
    const atShare = (share: number): number => Math.round(backMs[Math.ceil(share * backMs.length) - 1] ?? 0);
    const total = (of: (player: CountingPlayer, count: PlayerCount | undefined) => number): number =>
      players.reduce((sum, player) => sum + of(player, counts.get(player.playerId)), 0);
    return {
      players: players.length,
      restarts: this.#restarts,
      returns: returns.length,
      backMs: { p50: atShare(0.5), p99: atShare(0.99), max: atShare(1) },
      mostInOneSecond: mostWithinASecond(returns.map(({ atMs }) => atMs)) / players.length,
      messages: { toPlayers: total(({ received }) => received), toGame: total(({ sent }) => sent) },
      lost: total(
        ({ sent, received, lost }, count) =>
          lost + (count?.lost ?? 0) + Math.abs(sent - (count?.received ?? 0)) + Math.abs((count?.sent ?? 0) - received),
      ),
      doubled: total(({ doubled }, count) => doubled + (count?.doubled ?? 0)),
      told: total(({ told }) => told),
      longestStallMs: Math.round(this.#stalls.max / 1e6),
      gone: players.filter(({ end, lostAtMs }) => end !== undefined || lostAtMs !== undefined).length,
    };
  }
}

function startGateway(environment: Record<string, string>): Promise<ForkedProgram> {
  return ForkedProgram.start('gateway/main.ts', environment);
}

function newSession(seats: number): SessionDescriptor {
  return {
    version: 1,
    sessionId: 'threegateways0001',
    game: 'counting',
    mode: 'exclusive',
    seats,
    madeAt: new Date().toISOString(),
    joinBy: new Date(Date.now() + JOIN_DEADLINE_MS).toISOString(),
  };
}

function mostWithinASecond(timesMs: readonly number[]): number {
  const sorted = timesMs.toSorted((a, b) => a - b);
  let most = 0;
  let first = 0;
  for (const [last, atMs] of sorted.entries()) {
    while (atMs - (sorted[first] ?? atMs) >= 1000) first += 1;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

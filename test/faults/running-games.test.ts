import { join } from 'node:path';
import { chooseFreePort } from '../../bin/free-ports.ts';
import { connect } from '../../client/connection.ts';
import type { ConnectionEnd } from '../../client/connection.ts';
import type { ServerMessage } from '../../server/games/boat-race/protocol.ts';
import { eventually } from '../helpers/conditions.ts';
import { ForkedProgram } from '../helpers/forked-program.ts';
import { processIdOf } from '../helpers/game-server-process.ts';
import { LocalStack } from '../helpers/local-stack.ts';
import { RedisServer } from '../helpers/redis-server.ts';
import { findProgram } from '../helpers/requirements.ts';
import { joinSession, newGame } from '../helpers/sailor.ts';

const PLAYERS = 4;
/** Ticks of a race that goes on: a second of them. */
const SOME_TICKS = 20;

const redisProgram = findProgram('redis-server');
const describeWithRedis = redisProgram === undefined ? describe.skip : describe;

/** A player of a race, who notes every state: whether one is missing or comes twice. */
class Racer {
  readonly ticks: number[] = [];
  welcomes = 0;
  gameServer = '';
  interruptions = 0;
  gaps = 0;
  end: { end: ConnectionEnd; atMs: number } | undefined;

  constructor(wsUrl: string, signal: AbortSignal) {
    const { ended } = connect(wsUrl, {
      signal,
      onMessage: (text) => {
        this.#hear(JSON.parse(text) as ServerMessage);
      },
      onInterrupted: () => (this.interruptions += 1),
      onGap: () => (this.gaps += 1),
    });
    void ended.then((end) => (this.end = { end, atMs: performance.now() }));
  }

  /** Resolves when the race has gone on for a while, from now. */
  async sailsOn(): Promise<void> {
    const before = this.ticks.length;
    await eventually('the race goes on', 20_000, () => (this.ticks.length >= before + SOME_TICKS ? true : undefined));
  }

  /** Holes and repetitions in the states it got. */
  get faults(): number {
    return this.ticks.filter((tick, index) => index > 0 && tick !== (this.ticks[index - 1] ?? 0) + 1).length;
  }

  #hear(message: ServerMessage): void {
    if (message.type === 'state') this.ticks.push(message.tick);
    if (message.type !== 'welcome') return;
    this.welcomes += 1;
    this.gameServer = message.gameServer;
  }
}

describeWithRedis('a race with several players', () => {
  let local: LocalStack;
  let redis: RedisServer;
  let environment: Record<'allocator' | 'gateway', Record<string, string>>;
  let allocator: ForkedProgram;
  let gateway: ForkedProgram;
  let racers: Racer[];
  const abort = new AbortController();

  beforeAll(async () => {
    local = await LocalStack.start({ buffer: 3, gameServerEnvironment: { BOAT_RACE_WAIT_MS: '600000' } });
    redis = await RedisServer.start(redisProgram ?? '');
    const [allocatorPort, gatewayPort, healthPort] = [
      await chooseFreePort(),
      await chooseFreePort(),
      await chooseFreePort(),
    ];
    const keys = join(local.stateDirectory, 'keys');
    environment = {
      allocator: {
        PORT: String(allocatorPort),
        LISTEN_ADDRESS: '127.0.0.1',
        KUBECONFIG: local.stack.kubeconfigPath,
        NAMESPACE: 'default',
        SEALING_KEYS_FILE: join(keys, 'sealing.json'),
        SIGNING_KEYS_FILE: join(keys, 'signing.json'),
        REDIS_URL: redis.url,
        TRUST_PROXY: 'true',
      },
      gateway: {
        PORT: String(gatewayPort),
        LISTEN_ADDRESS: '127.0.0.1',
        HEALTH_PORT: String(healthPort),
        ALLOCATOR_URL: `http://127.0.0.1:${allocatorPort}`,
        SEALING_KEYS_FILE: join(keys, 'sealing.json'),
        DRAIN_SPREAD_MS: '500',
      },
    };
    [allocator, gateway] = await Promise.all([start('allocator'), start('gateway')]);
    const url = `http://127.0.0.1:${gatewayPort}`;
    const { sessionId, wsUrl } = await newGame(url, 'racer-1', 30);
    const others = Array.from({ length: PLAYERS - 1 }, (_, index) => joinSession(url, sessionId, `racer-${index + 2}`));
    const wsUrls = [wsUrl, ...(await Promise.all(others)).map((seat) => seat.wsUrl)];
    racers = wsUrls.map((address, index) => {
      const throughOther = new URL(address);
      throughOther.host = new URL(local.stack.url).host;
      // One stays: the game tells no states while nobody is there.
      return new Racer(index === 0 ? throughOther.href : address, abort.signal);
    });
    await Promise.all(racers.map((racer) => racer.sailsOn()));
  }, 120_000);

  afterAll(async () => {
    abort.abort();
    await Promise.all([gateway.kill(), allocator.kill(), redis.stop()]);
    await local.stop();
  }, 60_000);

  function start(program: 'allocator' | 'gateway'): Promise<ForkedProgram> {
    return ForkedProgram.start(`${program}/main.ts`, environment[program]);
  }

  function expectNothingLost(): void {
    for (const { welcomes, faults, gaps, end } of racers) {
      expect({ welcomes, faults, gaps, end }).toEqual({ welcomes: 1, faults: 0, gaps: 0, end: undefined });
    }
  }

  it('does not notice that Redis or the allocator die and come back', async () => {
    await redis.kill();
    await allocator.kill();
    await Promise.all(racers.map((racer) => racer.sailsOn()));
    await redis.start();
    allocator = await start('allocator');
    await Promise.all(racers.map((racer) => racer.sailsOn()));
    expectNothingLost();
    expect(racers.map(({ interruptions }) => interruptions)).toEqual(racers.map(() => 0));
  }, 120_000);

  it('goes on where it was after the gateway was restarted, and after it was killed', async () => {
    for (const end of ['stop', 'kill'] as const) {
      await gateway[end]();
      gateway = await start('gateway');
      await Promise.all(racers.map((racer) => racer.sailsOn()));
      expectNothingLost();
    }
    expect(racers[0]?.interruptions).toBe(0);
    for (const { interruptions } of racers.slice(1)) expect(interruptions).toBeGreaterThanOrEqual(2);
  }, 120_000);

  it('is over for each of its players, with a code that says so, when its game server is killed', async () => {
    const killedAtMs = performance.now();
    process.kill(processIdOf(local.stateDirectory, racers[0]?.gameServer ?? ''), 'SIGKILL');
    await eventually('each has heard', 10_000, () => (racers.every(({ end }) => end !== undefined) ? true : undefined));
    for (const { end } of racers) {
      expect(end?.end).toEqual({ kind: 'closed', code: 4007, closeName: 'game_server_lost' });
      expect((end?.atMs ?? Infinity) - killedAtMs).toBeLessThan(2000);
    }
  }, 30_000);
});

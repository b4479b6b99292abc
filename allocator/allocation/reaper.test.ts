import { jest } from '@jest/globals';
import fc from 'fast-check';
import { ManualClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/logger.ts';
import type { SessionReport } from '../../lib/session-report.ts';
import type { SessionDescriptor } from '../../lib/session.ts';
import { oldestFirst } from './doubles.ts';
import { MissingPods } from './missing-pods.ts';
import { Ownership } from './ownership.ts';
import type { GameServers, GameServerView } from './ports.ts';
import { Reaper } from './reaper.ts';
import type { ReaperMode } from './reaper.ts';
import type { UpkeepOutcome } from './upkeep.ts';

jest.setTimeout(60_000);

const EVERY_MS = 1000;
const GRACE_MS = 3000;
const MARGIN_MS = 5000;
const MAX_SESSION_MS = 600_000;
const JOIN_WITHIN_MS = 60_000;
const MAX_DELAY_MS = 2000;
const START_MS = Date.parse('2027-01-15T08:00:00Z');

type Kind =
  'playing' | 'no-show' | 'promises-nothing' | 'ended' | 'double' | 'claim' | 'pod-gone' | 'foreign' | 'ready';

interface Case {
  kind: Kind;
  /** How long before the start it was allocated. */
  agoMs: number;
  /** How long its claim is good. */
  claimMs: number;
}

/** A GameServer, and from when on nobody needs it: the model, known from how it was made. */
interface Known {
  view: GameServerView;
  leaksAtMs: number;
}

const at = (ms: number): string => new Date(ms).toISOString();

function view(name: string, over: Partial<GameServerView>): GameServerView {
  return {
    cluster: 'default',
    name,
    uid: `uid-${name}`,
    resourceVersion: '1',
    game: 'boat-race',
    fleet: 'boats',
    gameServerSet: 'v1',
    region: undefined,
    state: 'Allocated',
    isGoing: false,
    claim: undefined,
    shared: undefined,
    session: undefined,
    lastAllocatedAt: '',
    route: undefined,
    direct: { address: '', ports: [] },
    drainingSince: undefined,
    report: undefined,
    reportsPlayers: false,
    isDevelopment: false,
    ...over,
  };
}

function gameServersOf({ kind, agoMs, claimMs }: Case, index: number): Known[] {
  const name = `gs-${String(index).padStart(3, '0')}`;
  const madeAtMs = START_MS - agoMs;
  const session: SessionDescriptor = {
    version: 1,
    sessionId: `session${String(index).padStart(12, '0')}`,
    game: 'boat-race',
    mode: 'exclusive',
    seats: 8,
    madeAt: at(madeAtMs),
    joinBy: at(madeAtMs + JOIN_WITHIN_MS),
  };
  const report = (step: SessionReport['step']): SessionReport => ({ sessionId: session.sessionId, step });
  const held = { session, lastAllocatedAt: at(madeAtMs), reportsPlayers: true };
  const tooLongMs = madeAtMs + MAX_SESSION_MS;
  const one = (over: Partial<GameServerView>, leaksAtMs: number): Known => ({ view: view(name, over), leaksAtMs });
  switch (kind) {
    case 'playing':
      return [one({ ...held, report: report('joined') }, tooLongMs)];
    case 'no-show':
      return [one({ ...held, report: report('opened') }, madeAtMs + JOIN_WITHIN_MS + MARGIN_MS)];
    case 'promises-nothing':
      return [one({ ...held, reportsPlayers: false }, tooLongMs)];
    case 'ended':
      return [one({ ...held, report: report('ended') }, 0)];
    case 'pod-gone':
      return [one({ ...held, reportsPlayers: false }, madeAtMs)];
    case 'double': {
      const joined = { ...held, report: report('joined') };
      const later = { ...joined, lastAllocatedAt: at(madeAtMs + 1) };
      return [one(joined, tooLongMs), { view: view(`${name}-double`, later), leaksAtMs: 0 }];
    }
    case 'claim': {
      const untilMs = madeAtMs + claimMs;
      return [one({ claim: { holder: 'regatta', untilMs }, lastAllocatedAt: at(madeAtMs) }, untilMs)];
    }
    case 'foreign':
      // Ours once; somebody else has allocated it long after.
      return [one({ ...held, report: report('ended'), lastAllocatedAt: at(madeAtMs + MAX_DELAY_MS + 1) }, Infinity)];
    case 'ready':
      return [one({ ...held, session: undefined, state: 'Ready' }, Infinity)];
  }
}

/** GameServers in memory, as a watch that is never late shows them, and what was done to them. */
class Cluster implements Pick<GameServers, 'all' | 'isOutdated'> {
  readonly known = new Map<string, Known>();
  readonly done: { name: string; atMs: number; what: string }[] = [];
  readonly clock: ManualClock;
  isAnswering = true;

  constructor(cases: readonly Case[], clock: ManualClock) {
    this.clock = clock;
    for (const each of cases.flatMap(gameServersOf)) this.known.set(each.view.name, each);
  }

  *all(): Iterable<GameServerView> {
    for (const each of this.known.values()) yield each.view;
  }

  isOutdated(): boolean {
    return false;
  }

  change(what: string, state: string) {
    return ({ name }: GameServerView): Promise<UpkeepOutcome> => {
      const known = this.known.get(name);
      if (!this.isAnswering || known === undefined) return Promise.resolve('unavailable');
      known.view = { ...known.view, state, claim: undefined, session: undefined };
      this.done.push({ name, atMs: this.clock.nowMs(), what });
      return Promise.resolve('done');
    };
  }
}

interface ReaperParts {
  podGone?: ReadonlySet<string>;
  mode?: ReaperMode;
  told?: string[];
  answered?: string;
  pursued?: string;
  mayGiveBack?: boolean;
}

function reaperOf(cluster: Cluster, parts: ReaperParts): Reaper {
  const { podGone = new Set(), mode = 'on', told = [], answered, pursued, mayGiveBack = true } = parts;
  const { clock } = cluster;
  const ownership = new Ownership(MAX_DELAY_MS);
  const upkeep = {
    shutDown: cluster.change('shut-down', 'Shutdown'),
    giveBackClaim: cluster.change('give-back', 'Ready'),
    endSession: cluster.change('end-session', 'Allocated'),
    markDraining: cluster.change('mark', 'Allocated'),
    hasPod: ({ name }: GameServerView) => Promise.resolve(!podGone.has(name)),
    tell: () => Promise.resolve(),
  };
  return new Reaper({
    gameServers: cluster as unknown as GameServers,
    upkeep,
    missingPods: new MissingPods({
      upkeep,
      ownership,
      clock,
      logger: silentLogger,
      againAfterMs: EVERY_MS,
      maxLookups: 100,
    }),
    clock,
    logger: silentLogger,
    observer: { reaped: (finding) => told.push(finding), orphaned: () => {} },
    mode,
    graceMs: GRACE_MS,
    maxPerPass: 5,
    rules: {
      ownership,
      maxSessionMs: MAX_SESSION_MS,
      noShowMarginMs: MARGIN_MS,
      maxDrainMs: 0,
      isPursuing: (sessionId) => sessionId === pursued,
      answeredWith: () => answered,
    },
    mayGiveBack: () => Promise.resolve(mayGiveBack),
  });
}

const someCases = fc.array(
  fc.record({
    kind: fc.constantFrom<Kind>(
      ...(['playing', 'no-show', 'promises-nothing', 'ended', 'double'] as const),
      ...(['claim', 'pod-gone', 'foreign', 'ready'] as const),
    ),
    agoMs: fc.integer({ min: 2 * EVERY_MS, max: MAX_SESSION_MS + JOIN_WITHIN_MS }),
    claimMs: fc.integer({ min: 1, max: MAX_SESSION_MS }),
  }),
  { maxLength: 25 },
);
/** Of one pass: what is known is stale, or Kubernetes does not answer. */
const someTrouble = fc.array(fc.constantFrom('none', 'none', 'stale', 'down'), { maxLength: 20 });

const podsGoneOf = (cases: readonly Case[]): Set<string> =>
  new Set(
    cases.flatMap((each, index) => (each.kind === 'pod-gone' ? (gameServersOf(each, index)[0]?.view.name ?? []) : [])),
  );

describe('the reaper, over any GameServers and any trouble', () => {
  it('ends each leak within its window once all is well, no earlier than after its grace, and nothing else ever', async () => {
    await fc.assert(
      fc.asyncProperty(someCases, someTrouble, async (cases, trouble) => {
        const clock = new ManualClock(START_MS);
        const cluster = new Cluster(cases, clock);
        const reaper = reaperOf(cluster, { podGone: podsGoneOf(cases) });
        let calmSinceMs = START_MS;
        const passes = trouble.length + 30;
        for (let pass = 0; pass < passes; pass += 1) {
          const kind = trouble[pass] ?? 'none';
          cluster.isAnswering = kind !== 'down';
          if (kind === 'stale') reaper.rest();
          else await reaper.pass();
          clock.advance(EVERY_MS);
          if (kind !== 'none') calmSinceMs = clock.nowMs();
        }
        for (const { name, atMs } of cluster.done) {
          expect(cluster.known.get(name)?.leaksAtMs).toBeLessThanOrEqual(atMs - GRACE_MS);
        }
        // Each pass ends five at most; a leak that was tried in vain must be seen through its grace once more.
        const leaking = [...cluster.known.values()].filter(({ leaksAtMs }) => leaksAtMs < clock.nowMs());
        const windowMs = 2 * GRACE_MS + (2 + Math.ceil(leaking.length / 5)) * EVERY_MS;
        for (const { view: gameServer, leaksAtMs } of cluster.known.values()) {
          if (Math.max(leaksAtMs, calmSinceMs) + windowMs > clock.nowMs()) continue;
          expect(gameServer.state).not.toBe('Allocated');
        }
        const names = cluster.done.map(({ name }) => name);
        expect(new Set(names).size).toBe(names.length);
      }),
      { numRuns: 300 },
    );
  });

  it('in a dry run does nothing, and tells of each leak once', async () => {
    await fc.assert(
      fc.asyncProperty(someCases, async (cases) => {
        const clock = new ManualClock(START_MS);
        const cluster = new Cluster(cases, clock);
        const told: string[] = [];
        const reaper = reaperOf(cluster, { podGone: podsGoneOf(cases), mode: 'dry-run', told });
        const leaking = [...cluster.known.values()].filter(({ leaksAtMs }) => leaksAtMs < START_MS);
        for (let pass = 0; pass < 10; pass += 1) {
          await reaper.pass();
          clock.advance(EVERY_MS);
        }
        expect(cluster.done).toEqual([]);
        expect(told.length).toBeGreaterThanOrEqual(leaking.length);
        expect(told.length).toBeLessThanOrEqual(cluster.known.size);
      }),
      { numRuns: 100 },
    );
  });
});

describe('of the GameServers of one session', () => {
  it('one is always left, whatever is known of them', async () => {
    const times = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 2, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(
        times,
        fc.nat(4),
        fc.nat(4),
        fc.boolean(),
        async (delays, answeredIndex, joined, isAnswerKnown) => {
          const clock = new ManualClock(START_MS);
          const cluster = new Cluster([], clock);
          const [{ view: base } = { view: view('none', {}) }] = gameServersOf(
            { kind: 'playing', agoMs: 0, claimMs: 1 },
            0,
          );
          const all = delays.map((delayMs, index) =>
            view(`gs-${index}`, {
              ...(base.session === undefined ? {} : { session: base.session }),
              report: index === joined ? base.report : undefined,
              lastAllocatedAt: at(START_MS + delayMs),
            }),
          );
          for (const each of all) cluster.known.set(each.name, { view: each, leaksAtMs: 0 });
          const answered = isAnswerKnown ? { answered: `gs-${answeredIndex}` } : {};
          const reaper = reaperOf(cluster, answered);
          for (let pass = 0; pass < 10; pass += 1) {
            await reaper.pass();
            clock.advance(EVERY_MS);
          }
          const left = [...cluster.all()].filter(({ state }) => state === 'Allocated');
          const byAnswer = isAnswerKnown ? all[answeredIndex] : undefined;
          const kept = byAnswer ?? all[joined] ?? oldestFirst(all)[0];
          expect(left.map(({ name }) => name)).toEqual([kept?.name]);
        },
      ),
    );
  });
});

describe('the reaper leaves alone', () => {
  async function after(cluster: Cluster, parts: ReaperParts): Promise<string[]> {
    const reaper = reaperOf(cluster, parts);
    for (let pass = 0; pass < 10; pass += 1) {
      await reaper.pass();
      cluster.clock.advance(EVERY_MS);
    }
    return cluster.done.map(({ name, what }) => `${what} ${name}`);
  }

  const cluster = (kind: Kind): Cluster =>
    new Cluster([{ kind, agoMs: 60_000, claimMs: 1 }], new ManualClock(START_MS));

  it('a claim that has been bound elsewhere', async () => {
    expect(await after(cluster('claim'), { mayGiveBack: false })).toEqual([]);
    expect(await after(cluster('claim'), {})).toEqual(['give-back gs-000']);
  });

  it('a session that somebody is getting a GameServer for', async () => {
    expect(await after(cluster('double'), { pursued: 'session000000000000' })).toEqual([]);
    expect(await after(cluster('double'), {})).toEqual(['shut-down gs-000-double']);
  });

  it('the sessions of shared GameServers, but for one that is known to be on another', async () => {
    const shared = (): Cluster => {
      const made = new Cluster([], new ManualClock(START_MS));
      for (const [name, sessionIds] of [
        ['one', ['a', 'b']],
        ['two', ['b', 'c']],
      ] as const) {
        made.known.set(name, { view: view(name, { shared: { sessionIds, capacity: 5, seats: 8 } }), leaksAtMs: 0 });
      }
      return made;
    };
    expect(await after(shared(), {})).toEqual([]);
    expect((await after(shared(), { answered: 'two' }))[0]).toBe('end-session one');
    expect(await after(shared(), { answered: 'two', pursued: 'b' })).toEqual([]);
  });
});

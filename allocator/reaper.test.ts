import { seededRandom } from '../lib/seeded-random.ts';
import { formatSessionReport, SESSION_REPORT_ANNOTATION } from '../lib/session-report.ts';
import {
  CLAIM_LABEL,
  CLAIM_UNTIL_ANNOTATION,
  DRAIN_ANNOTATION,
  REPORTS_PLAYERS_ANNOTATION,
  SESSION_KEY,
} from '../lib/session.ts';
import type { KubernetesEndpoint } from './testing/kubernetes-endpoint.ts';
import { addHolding, sessionMarks, testSession } from './testing/marked-game-servers.ts';
import { startTestAllocator, until } from './testing/running-allocator.ts';
import type { TestAllocator } from './testing/running-allocator.ts';

let allocator: TestAllocator;
afterEach(() => allocator.stop());

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

async function start(
  prepare: (kubernetes: KubernetesEndpoint) => void,
  environment: Record<string, string> = {},
): Promise<KubernetesEndpoint> {
  allocator = await startTestAllocator(
    (kubernetes) => {
      kubernetes.addFleet('boats', 'boat-race', 8);
      prepare(kubernetes);
    },
    { REAP_EVERY_MS: '50', REAP_GRACE_MS: '100', POD_CHECK_MS: '100', ALLOCATE_BY: 'Patch', ...environment },
  );
  return allocator.kubernetes;
}

const stateOf = (name: string): string | undefined => allocator.kubernetes.gameServer(name)?.status?.state;
const ago = (ms: number): string => new Date(Date.now() - ms).toISOString();

function addClaim(kubernetes: KubernetesEndpoint, name: string, untilMs: number, set = 'v1'): void {
  kubernetes.addGameServer(name, 'boat-race', {
    state: 'Allocated',
    labels: { [CLAIM_LABEL]: 'regatta-gone', 'agones.dev/gameserverset': set },
    annotations: {
      [CLAIM_UNTIL_ANNOTATION]: new Date(untilMs).toISOString(),
      'agones.dev/last-allocated': ago(HOUR_MS),
    },
  });
}

const reports = { [REPORTS_PLAYERS_ANNOTATION]: 'true' };

/** What leaks, one GameServer for each kind of it, and what the reaper says of it. */
const LEAKS: [string, string, (kubernetes: KubernetesEndpoint) => void][] = [
  [
    'a session to which nobody came',
    'no-show',
    (kubernetes) =>
      addHolding(kubernetes, 'leak', testSession('a', { agoMs: 10 * MINUTE_MS }), { annotations: reports }),
  ],
  [
    'a session older than any can be',
    'session-too-long',
    (kubernetes) => addHolding(kubernetes, 'leak', testSession('a', { agoMs: 7 * HOUR_MS })),
  ],
  [
    'a session that has ended by its game server’s word',
    'session-ended',
    (kubernetes) => {
      const session = testSession('a');
      const report = formatSessionReport({ sessionId: session.sessionId, step: 'ended' });
      addHolding(kubernetes, 'leak', session, { annotations: { [SESSION_REPORT_ANNOTATION]: report } });
    },
  ],
  [
    'the younger of two GameServers with one session',
    'double',
    (kubernetes) => {
      const session = testSession('a', { agoMs: MINUTE_MS });
      addHolding(kubernetes, 'kept', session);
      addHolding(kubernetes, 'leak', session, { annotations: { 'agones.dev/last-allocated': ago(MINUTE_MS - 1000) } });
    },
  ],
  [
    'a GameServer whose Pod has gone',
    'pod-gone',
    (kubernetes) => {
      kubernetes.missingPods.add('leak');
      addHolding(kubernetes, 'leak', testSession('a', { agoMs: MINUTE_MS }));
    },
  ],
  [
    'a GameServer that has drained for too long',
    'drain-overdue',
    (kubernetes) =>
      addHolding(kubernetes, 'leak', testSession('a', { agoMs: HOUR_MS }), {
        annotations: { [DRAIN_ANNOTATION]: ago(10 * MINUTE_MS) },
      }),
  ],
  [
    'a claim of an outdated version that has run out',
    'claim-expired',
    (kubernetes) => {
      addClaim(kubernetes, 'leak', Date.now() - MINUTE_MS);
      kubernetes.addGameServer('newer', 'boat-race', {
        labels: { 'agones.dev/gameserverset': 'v2' },
        createdAt: '2026-01-02T00:00:00Z',
      });
    },
  ],
];

describe('the reaper', () => {
  it.each(LEAKS)('ends %s, and says so', async (_what, finding, prepare) => {
    const kubernetes = await start(prepare, { MAX_DRAIN_SECONDS: '60' });
    await until(() => stateOf('leak') === 'Shutdown');
    await until(() => kubernetes.events.length === 1);
    expect(kubernetes.events[0]).toMatchObject({ reason: 'RegattaReaped', involvedObject: { name: 'leak' } });
    const metrics = await (await fetch(allocator.metricsUrl)).text();
    expect(metrics).toContain(`regatta_reaped_total{finding="${finding}",mode="on"} 1`);
    for (const name of ['kept', 'newer']) expect(stateOf(name)).not.toBe('Shutdown');
  });

  it('gives a GameServer back whose claim has run out', async () => {
    const kubernetes = await start((each) => {
      addClaim(each, 'claimed', Date.now() + 300);
      addClaim(each, 'renewed', Date.now() + HOUR_MS);
    });
    await until(() => stateOf('claimed') === 'Ready');
    const { labels, annotations } = kubernetes.gameServer('claimed')?.metadata ?? {};
    expect(labels).not.toHaveProperty([CLAIM_LABEL]);
    expect(annotations).not.toHaveProperty([CLAIM_UNTIL_ANNOTATION]);
    expect(stateOf('renewed')).toBe('Allocated');
    expect((await allocator.post('/api/new-game', { playerId: 'a' })).body.allocation.gameServer).toBe('claimed');
  });

  it.each(LEAKS)('in a dry run tells of %s, and changes nothing', async (_what, finding, prepare) => {
    const kubernetes = await start(prepare, { REAPER: 'dry-run', MAX_DRAIN_SECONDS: '60', DRAIN_OUTDATED: 'off' });
    const line = `regatta_reaped_total{finding="${finding}",mode="dry-run"} 1`;
    for (;;) if ((await (await fetch(allocator.metricsUrl)).text()).includes(line)) break;
    const metrics = await (await fetch(allocator.metricsUrl)).text();
    expect(metrics).toContain('regatta_orphaned_game_servers 1');
    expect(metrics).toContain(line);
    expect(kubernetes.patches).toEqual([]);
    expect(kubernetes.events).toEqual([]);
  });

  it('leaves a session to which players came, and one of a Fleet that promises no reports', async () => {
    const played = testSession('a', { agoMs: 10 * MINUTE_MS });
    const joined = formatSessionReport({ sessionId: played.sessionId, step: 'joined' });
    await start((kubernetes) => {
      addHolding(kubernetes, 'played', played, { annotations: { ...reports, [SESSION_REPORT_ANNOTATION]: joined } });
      addHolding(kubernetes, 'silent', testSession('b', { agoMs: 10 * MINUTE_MS }));
      addHolding(kubernetes, 'leak', testSession('c', { agoMs: 10 * MINUTE_MS }), { annotations: reports });
    });
    await until(() => stateOf('leak') === 'Shutdown');
    expect([stateOf('played'), stateOf('silent')]).toEqual(['Allocated', 'Allocated']);
  });

  it('keeps, of two GameServers with one session, the one that was answered', async () => {
    const kubernetes = await start((each) => {
      each.addGameServer('answered', 'boat-race');
    });
    const { body } = await allocator.post('/api/new-game', { playerId: 'a' });
    const { labels = {}, annotations = {} } = kubernetes.gameServer('answered')?.metadata ?? {};
    kubernetes.addGameServer('older', 'boat-race', {
      state: 'Allocated',
      labels,
      annotations: { ...annotations, 'agones.dev/last-allocated': ago(MINUTE_MS) },
    });
    await until(() => stateOf('older') === 'Shutdown');
    expect(stateOf('answered')).toBe('Allocated');
    expect((await fetch(`${allocator.url}/api/sessions/${body.sessionId}`)).status).toBe(200);
    kubernetes.delete('older');
    const { status } = await allocator.post(`/api/sessions/${body.sessionId}/join`, { playerId: 'b' });
    expect(status).toBe(201);
  });

  it('ends nobody’s session on what the watch has not shown yet', async () => {
    const session = testSession('a', { agoMs: MINUTE_MS });
    const kubernetes = await start((each) => addHolding(each, 'played', session, { annotations: reports }), {
      NO_SHOW_MARGIN_MS: '1000',
    });
    // The last player to come is there, but the watch has fallen silent.
    kubernetes.isWatchSilent = true;
    const joined = formatSessionReport({ sessionId: session.sessionId, step: 'joined' });
    kubernetes.annotate('played', { [SESSION_REPORT_ANNOTATION]: joined });
    await until(() => kubernetes.patches.length > 1, 20_000);
    expect(stateOf('played')).toBe('Allocated');
  }, 40_000);

  it('is off when it is told so', async () => {
    const kubernetes = await start((each) => addHolding(each, 'old', testSession('a', { agoMs: 7 * HOUR_MS })), {
      REAPER: 'off',
    });
    const headers = { authorization: 'Bearer a-service-token-for-tests' };
    const answer = await fetch(`${allocator.url}/v1/servers`, { headers });
    expect(await answer.json()).toMatchObject({ servers: [{ name: 'old', wouldReap: 'session-too-long' }] });
    expect(kubernetes.patches).toEqual([]);
  });

  it.each([1, 2, 3])(
    'never touches what is not ours, in a storm of seed %i',
    async (seed) => {
      const random = seededRandom(seed);
      const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
      const kubernetes = await start(() => {}, { REAP_GRACE_MS: '0', NO_SHOW_MARGIN_MS: '0', MAX_DRAIN_SECONDS: '1' });
      const theirs = new Map<string, string>();
      for (let each = 0; each < 150; each += 1) {
        const name = `theirs-${each}`;
        // What we wrote on it when it was ours once; somebody else has allocated it since, or does not by any of our marks.
        const past = testSession(`s${each}`, { agoMs: pick([10 * MINUTE_MS, HOUR_MS, 100 * HOUR_MS]) });
        const marks = pick([
          { labels: {}, annotations: {} },
          { labels: { [SESSION_KEY]: past.sessionId }, annotations: {} },
          { labels: {}, annotations: sessionMarks(past).annotations },
          { labels: { 'theirs.example/session': 'x', [CLAIM_LABEL]: '' }, annotations: {} },
          sessionMarks(past),
          {
            labels: { [CLAIM_LABEL]: 'regatta-gone' },
            annotations: { [CLAIM_UNTIL_ANNOTATION]: past.madeAt },
          },
        ]);
        const step = pick(['opened', 'joined', 'ended'] as const);
        kubernetes.missingPods.add(name);
        kubernetes.addGameServer(name, 'boat-race', {
          state: pick(['Allocated', 'Allocated', 'Reserved', 'Ready', 'Unhealthy', 'Dreaming']),
          labels: marks.labels,
          annotations: {
            ...marks.annotations,
            ...reports,
            [SESSION_REPORT_ANNOTATION]: formatSessionReport({ sessionId: past.sessionId, step }),
            [DRAIN_ANNOTATION]: ago(HOUR_MS),
            'agones.dev/last-allocated': pick([ago(0), new Date(Date.parse(past.madeAt) + MINUTE_MS).toISOString()]),
          },
        });
        theirs.set(name, stateOf(name) ?? '');
        if (random() < 0.2) addHolding(kubernetes, `leak-${each}`, testSession(`l${each}`, { agoMs: 7 * HOUR_MS }));
      }
      const leaks = kubernetes.gameServers().filter(({ metadata }) => metadata.name.startsWith('leak'));
      expect(leaks.length).toBeGreaterThan(10);
      await until(() => leaks.every(({ metadata }) => stateOf(metadata.name) === 'Shutdown'), 20_000);
      // What would be done to the others would have been done by now, too.
      addHolding(kubernetes, 'last', testSession('last', { agoMs: 7 * HOUR_MS }));
      await until(() => stateOf('last') === 'Shutdown');
      expect(new Map([...theirs.keys()].map((name) => [name, stateOf(name)]))).toEqual(theirs);
      expect(kubernetes.patches.filter(({ name }) => name.startsWith('theirs'))).toEqual([]);
    },
    40_000,
  );
});

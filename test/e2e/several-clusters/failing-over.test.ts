import { jest } from '@jest/globals';
import { eventually } from '../../helpers/conditions.ts';
import { sessionsOf, TwoLocals } from './two-locals.ts';

jest.setTimeout(120_000);

let two: TwoLocals;
afterEach(() => two.stop());

describe('two clusters, one by its Kubernetes API and one by its allocator service', () => {
  it('take sessions by region and priority, the other one when the first is full, and the first again', async () => {
    two = await TwoLocals.start({ near: 2, far: 3 });
    const asia = await two.newGame({ latencies: { europe: 90, asia: 20 } });
    expect(TwoLocals.clusterOf(asia)).toBe('far');
    const clusters = [];
    for (let each = 0; each < 4; each += 1) clusters.push(TwoLocals.clusterOf(await two.newGame()));
    expect(clusters).toEqual(['near', 'near', 'far', 'far']);
    expect((await two.newGame({}, { prefer: 'wait=0' })).body.code).toBe('no_capacity');
    const waiting = two.newGame({}, { prefer: 'wait=30' });
    await two.near.request('PATCH', '/apis/agones.dev/v1/namespaces/default/fleets/near', { spec: { replicas: 3 } });
    expect(TwoLocals.clusterOf(await waiting)).toBe('near');
    expect(new Set(await two.sessions()).size).toBe(6);
  });

  it('go on with one when the other is killed', async () => {
    two = await TwoLocals.start({ near: 20, far: 20 });
    expect(TwoLocals.clusterOf(await two.newGame())).toBe('near');
    two.near.child.kill('SIGKILL');
    await two.near.exited;
    const answers = await Promise.all(Array.from({ length: 10 }, () => two.newGame()));
    expect(answers.map(TwoLocals.clusterOf)).toEqual(answers.map(() => 'far'));
    expect(await sessionsOf(two.far)).toHaveLength(10);
  });

  it('cost one request a window its time while one of them says nothing', async () => {
    two = await TwoLocals.start({ near: 20, far: 60 }, { BREAKER_OPEN_MS: '2000' });
    await two.fault(two.near, { kind: 'api-black-hole', forMs: 60_000 });
    const startedAtMs = Date.now();
    let slow = 0;
    let quick = 0;
    while (Date.now() - startedAtMs < 6000 && quick < 50) {
      const askedAtMs = Date.now();
      const answer = await two.newGame({}, { prefer: 'wait=1' });
      // Who may have something there goes nowhere else; all others are in the other cluster.
      if (answer.status === 201) expect(TwoLocals.clusterOf(answer)).toBe('far');
      else expect(answer.body.code).toBe('allocation_unknown');
      if (answer.status === 201 && Date.now() - askedAtMs < 500) quick += 1;
      else slow += 1;
    }
    const windows = Math.ceil((Date.now() - startedAtMs) / 2000);
    expect(quick).toBeGreaterThan(10);
    expect(slow).toBeLessThanOrEqual(windows);
  });

  it('never have one session both while one of them is slow', async () => {
    two = await TwoLocals.start({ near: 30, far: 30 });
    const target = { resource: 'gameservers', methods: ['PATCH'] };
    await two.fault(two.near, { kind: 'api-slow', latencyMs: 800, jitterMs: 400, forMs: 8000, target });
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, each) => {
        const key = { 'idempotency-key': `slow-${each}`, prefer: 'wait=20' };
        return two.newGame({}, key);
      }),
    );
    const sessions = await two.sessions();
    expect(new Set(sessions).size).toBe(sessions.length);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
    for (const { body } of answers) expect(sessions).toContain(body.sessionId);
  });

  it('keep a key to the cluster that may have it while that one is gone, and find it there afterwards', async () => {
    two = await TwoLocals.start({ near: 5, far: 5 });
    const key = { 'idempotency-key': 'may-be-there', prefer: 'wait=2' };
    const target = { resource: 'gameservers' };
    await two.fault(two.near, {
      kind: 'answer-lost',
      how: 'silence',
      forMs: 60_000,
      target: { ...target, methods: ['PATCH'] },
    });
    await two.fault(two.near, { kind: 'watch-silent', afterwards: 'resume', forMs: 60_000, target });
    const first = two.newGame({}, key);
    await eventually('the allocation', 10_000, async () =>
      (await sessionsOf(two.near)).length === 1 ? true : undefined,
    );
    await two.fault(two.near, { kind: 'error-storm', forMs: 60_000, target: { ...target, methods: ['GET'] } });
    expect((await first).body.code).toBe('allocation_unknown');
    for (let each = 0; each < 3; each += 1) {
      expect((await two.newGame({}, key)).body).toMatchObject({ code: 'kubernetes_unavailable', retryable: true });
    }
    expect(await sessionsOf(two.far)).toEqual([]);
    await two.endFaults(two.near);
    const back = await two.newGame({}, { ...key, prefer: 'wait=20' });
    expect(TwoLocals.clusterOf(back)).toBe('near');
    expect(await two.sessions()).toEqual([back.body.sessionId]);
  });

  it('let players in by invitation wherever the session is, also after a restart', async () => {
    two = await TwoLocals.start({ near: 2, far: 2 });
    const far = await two.newGame({ region: 'asia' });
    const near = await two.newGame();
    await two.stopAllocator();
    await two.startAllocator();
    for (const { body } of [far, near]) {
      const joined = await fetch(`${two.url}/api/sessions/${body.sessionId}/join`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"playerId":"b"}',
      });
      expect(joined.status).toBe(201);
    }
    await eventually('two sessions', 10_000, async () => ((await two.sessions()).length === 2 ? true : undefined));
  });
});

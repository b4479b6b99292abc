import { RouteOpener, SeatVerifier } from '../lib/join-token.ts';
import type { Seat } from '../lib/join-token.ts';
import { parseKeySet } from '../lib/key-set.ts';
import { startTestAllocator, until } from './testing/running-allocator.ts';
import type { TestAllocator } from './testing/running-allocator.ts';
import type { KubernetesEndpoint } from './testing/kubernetes-endpoint.ts';

let allocator: TestAllocator;
afterEach(() => allocator.stop());

function start(prepare: (kubernetes: KubernetesEndpoint) => void, environment: Record<string, string> = {}) {
  return startTestAllocator(prepare, { ALLOCATE_BY: 'Patch', ...environment });
}

function harbour(count: number, capacity: number): (kubernetes: KubernetesEndpoint) => void {
  return (kubernetes) => {
    kubernetes.addFleet('boats', 'boat-race', 8, { capacity });
    for (let index = 0; index < count; index += 1) {
      kubernetes.addGameServer(`boats-${index}`, 'boat-race', { capacity, seats: 8 });
    }
  };
}

const newGame = (wait = 10, headers: Record<string, string> = {}) =>
  allocator.post('/api/new-game', { playerId: 'a' }, { prefer: `wait=${wait}`, ...headers });
const sessionsOn = (name: string) => allocator.kubernetes.sessionsOn(name);
const allSessions = () => allocator.kubernetes.gameServers().flatMap(({ metadata }) => sessionsOn(metadata.name));
const inUse = () =>
  allocator.kubernetes.gameServers().filter(({ metadata }) => sessionsOn(metadata.name).length > 0).length;

describe.each(['Patch', 'GameServerAllocation'])('a session on a shared GameServer, by %s', (way) => {
  const startBy = (prepare: (kubernetes: KubernetesEndpoint) => void, environment: Record<string, string> = {}) =>
    start(prepare, { ALLOCATE_BY: way, ...environment });

  it('makes a Ready GameServer Allocated and is in its List; the next goes beside it', async () => {
    allocator = await startBy(harbour(3, 4));
    const first = await newGame();
    const second = await newGame();
    expect([first.status, second.status]).toEqual([201, 201]);
    const { gameServer } = first.body.allocation;
    expect(second.body.allocation.gameServer).toBe(gameServer);
    expect(sessionsOn(gameServer)).toEqual([first.body.sessionId, second.body.sessionId]);
    expect(allocator.kubernetes.gameServer(gameServer)?.status?.state).toBe('Allocated');
    expect(
      Date.parse(allocator.kubernetes.gameServer(gameServer)?.metadata.annotations['agones.dev/last-allocated'] ?? ''),
    ).not.toBeNaN();
  });

  it('goes to the fullest GameServer that has a place', async () => {
    allocator = await startBy((kubernetes) => {
      harbour(4, 3)(kubernetes);
      kubernetes.setSessions('boats-0', ['x'], 'Allocated');
      kubernetes.setSessions('boats-1', ['y', 'z'], 'Allocated');
      kubernetes.setSessions('boats-2', ['u', 'v', 'w'], 'Allocated');
    });
    const given = [];
    for (let each = 0; each < 4; each += 1) given.push((await newGame()).body.allocation.gameServer);
    expect(given).toEqual(['boats-1', 'boats-0', 'boats-0', 'boats-3']);
  });

  it('of many at once takes few writes and few GameServers, none over its capacity', async () => {
    allocator = await startBy(harbour(10, 20), { SHARED_PATIENCE_MS: '60000' });
    allocator.kubernetes.behaviours.push('hold');
    const asked = Array.from({ length: 100 }, () => newGame());
    await untilWaiting(100);
    allocator.kubernetes.letGo();
    const answers = await Promise.all(asked);
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(100);
    expect(new Set(allSessions())).toEqual(new Set(answers.map(({ body }) => body.sessionId)));
    expect(allSessions()).toHaveLength(100);
    expect(inUse()).toBeLessThanOrEqual(6);
    expect(allocator.kubernetes.patches.length + allocator.kubernetes.allocations.length).toBeLessThanOrEqual(20);
  });

  it('waits in line while all places are taken, and has the one that a session leaves', async () => {
    allocator = await startBy(harbour(1, 2), { FIRST_PAUSE_MS: '10000', MAX_PAUSE_MS: '60000' });
    const first = await newGame();
    await newGame();
    const third = newGame(30);
    await untilWaiting(1);
    expect((await newGame(0)).body.code).toBe('no_capacity');
    allocator.kubernetes.setSessions('boats-0', sessionsOn('boats-0').slice(1));
    const { status, body } = await third;
    expect(status).toBe(201);
    expect(sessionsOn('boats-0')).toContain(body.sessionId);
    expect((await fetch(`${allocator.url}/api/sessions/${first.body.sessionId}`)).status).toBe(200);
    const shown = await (await fetch(`${allocator.url}/api/sessions/${first.body.sessionId}`)).json();
    expect(shown).toEqual({ sessionId: first.body.sessionId, state: 'over' });
  });

  it('is one for one key, also after its allocator has died', async () => {
    allocator = await startBy(harbour(3, 10));
    const key = { 'idempotency-key': 'a-key-of-a-player' };
    const answers = await Promise.all(Array.from({ length: 20 }, () => newGame(10, key)));
    expect(new Set(answers.map(({ body }) => body.sessionId)).size).toBe(1);
    await newGame();
    const died = allocator;
    allocator = await startTestAllocator(() => {}, { ALLOCATE_BY: way }, undefined, died);
    const again = await newGame(10, key);
    expect(again.body.sessionId).toBe(answers[0]?.body.sessionId);
    expect(again.body.allocation.gameServer).toBe(answers[0]?.body.allocation.gameServer);
    expect(allSessions()).toHaveLength(2);
    await allocator.stop();
    allocator = died;
  });

  it.each(['lose-answer', 'cut', 'no-endpoints'] as const)(
    'comes once when Kubernetes does this: %s',
    async (fault) => {
      allocator = await startBy(harbour(3, 10));
      allocator.kubernetes.behaviours.push(fault);
      const answers = await Promise.all(Array.from({ length: 10 }, () => newGame()));
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
      expect(new Set(allSessions())).toEqual(new Set(answers.map(({ body }) => body.sessionId)));
      expect(allSessions()).toHaveLength(answers.length);
    },
  );

  it('frees its place when its caller has gone', async () => {
    allocator = await startBy(harbour(1, 2));
    allocator.kubernetes.behaviours.push('hold');
    const gone = new AbortController();
    const asked = fetch(`${allocator.url}/api/new-game`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', prefer: 'wait=10' },
      body: '{"playerId":"a"}',
      signal: gone.signal,
    }).catch(() => undefined);
    const sent = () => allocator.kubernetes.patches.length + allocator.kubernetes.allocations.length;
    await until(() => sent() === 1);
    gone.abort();
    await asked;
    allocator.kubernetes.letGo();
    await until(() => sent() > 1 && allSessions().length === 0);
    expect(allocator.kubernetes.gameServer('boats-0')?.status?.state).toBe('Allocated');
  });
});

describe('a shared GameServer', () => {
  it('is read again when somebody else changed it unseen, and never over its capacity', async () => {
    allocator = await start(harbour(2, 3));
    await newGame();
    const [used = ''] = ['boats-0', 'boats-1'].filter((name) => sessionsOn(name).length > 0);
    allocator.kubernetes.isWatchSilent = true;
    allocator.kubernetes.setSessions(used, [...sessionsOn(used), 'of-somebody-else', 'another-of-theirs']);
    const { status, body } = await newGame();
    expect(status).toBe(201);
    expect(body.allocation.gameServer).not.toBe(used);
    expect(sessionsOn(used)).toHaveLength(3);
  });

  it('is not undone in memory by late news of the watch', async () => {
    allocator = await start(harbour(1, 3));
    allocator.kubernetes.isWatchSilent = true;
    const first = await newGame();
    allocator.kubernetes.sendOld('boats-0');
    const second = await newGame();
    expect(allocator.kubernetes.readCount).toBe(0);
    expect(sessionsOn('boats-0')).toEqual([first.body.sessionId, second.body.sessionId]);
  });

  it.each([
    ['goes back to Ready', undefined, 'Ready'],
    ['ends, where its Fleet has a newer version', 'new', 'Shutdown'],
  ])('%s when it was without a session for the quiet time', async (_what, newer, state) => {
    allocator = await start(
      (kubernetes) => {
        kubernetes.addFleet('boats', 'boat-race', 8, { capacity: 3 });
        const labels = { 'agones.dev/gameserverset': 'old' };
        kubernetes.addGameServer('boats-0', 'boat-race', { capacity: 3, labels });
      },
      { SHARED_QUIET_SECONDS: '1' },
    );
    const { body } = await newGame();
    if (newer !== undefined) {
      const labels = { 'agones.dev/gameserverset': newer };
      const createdAt = '2026-02-01T00:00:00Z';
      allocator.kubernetes.addGameServer('boats-1', 'boat-race', { capacity: 3, labels, createdAt });
    }
    expect(sessionsOn('boats-0')).toEqual([body.sessionId]);
    allocator.kubernetes.setSessions('boats-0', []);
    await until(() => allocator.kubernetes.gameServer('boats-0')?.status?.state === state);
  });

  it('gets no more sessions while there is a newer version of its Fleet with a place', async () => {
    allocator = await start((kubernetes) => {
      kubernetes.addFleet('boats', 'boat-race', 8, { capacity: 3 });
      const old = { 'agones.dev/gameserverset': 'old' };
      kubernetes.addGameServer('boats-0', 'boat-race', { capacity: 3, labels: old });
      kubernetes.setSessions('boats-0', ['x'], 'Allocated');
      const labels = { 'agones.dev/gameserverset': 'new' };
      const createdAt = '2026-02-01T00:00:00Z';
      kubernetes.addGameServer('boats-1', 'boat-race', { capacity: 1, labels, createdAt });
    });
    const given = [];
    for (let each = 0; each < 2; each += 1) given.push((await newGame()).body.allocation.gameServer);
    expect(given).toEqual(['boats-1', 'boats-0']);
  });

  it('prefers the region that is asked for', async () => {
    allocator = await start((kubernetes) => {
      harbour(1, 3)(kubernetes);
      kubernetes.setSessions('boats-0', ['x'], 'Allocated');
      const labels = { 'regatta.dev/region': 'oslo' };
      kubernetes.addGameServer('far', 'boat-race', { capacity: 3, labels });
    });
    const inOslo = await allocator.post('/api/new-game', { playerId: 'a', region: 'oslo' });
    expect(inOslo.body.allocation.gameServer).toBe('far');
    expect((await newGame()).body.allocation.gameServer).toBe('boats-0');
  });

  it('does not hold others up when a write to it hangs', async () => {
    allocator = await start(harbour(2, 5), { SHARED_PATIENCE_MS: '50' });
    allocator.kubernetes.behaviours.push('hold');
    const held = newGame(30);
    await until(() => allocator.kubernetes.patches.length === 1);
    const { status } = await newGame(5);
    expect(status).toBe(201);
    allocator.kubernetes.letGo();
    expect((await held).status).toBe(201);
    expect(inUse()).toBe(2);
  });
});

describe('the API of a shared game', () => {
  it('says that the session is shared, to the service, in tokens and by invitation', async () => {
    allocator = await start(harbour(1, 3));
    const service = { authorization: 'Bearer a-service-token-for-tests' };
    const made = await allocator.post('/v1/allocations', { game: 'boat-race', players: [{ playerId: 'a' }] }, service);
    expect(made.body).toMatchObject({ mode: 'shared', seats: 8 });
    const { sessionId } = made.body;
    const shown = await (await fetch(`${allocator.url}/v1/sessions/${sessionId}`, { headers: service })).json();
    expect(shown).toMatchObject({ sessionId, mode: 'shared', seats: 8, gameServer: 'boats-0' });
    const joined = await allocator.post(`/api/sessions/${sessionId}/join`, { playerId: 'b' });
    expect(joined.status).toBe(201);
    expect(await seatOf(joined.body.wsUrl)).toMatchObject({ session: { sessionId, mode: 'shared', seats: 8 } });
  });

  it('refuses a mode that the game has not, and changes nothing', async () => {
    allocator = await start(harbour(1, 3));
    const service = { authorization: 'Bearer a-service-token-for-tests' };
    const body = { game: 'boat-race', mode: 'exclusive', players: [{ playerId: 'a' }] };
    const answer = await allocator.post('/v1/allocations', body, service);
    expect(answer.status).toBe(400);
    expect(answer.body.errors).toEqual([{ field: 'mode', message: 'is shared for this game' }]);
    expect(allSessions()).toEqual([]);
  });
});

async function untilWaiting(count: number): Promise<void> {
  for (;;) {
    const text = await (await fetch(allocator.metricsUrl)).text();
    if (text.includes(`regatta_session_requests_waiting ${count}\n`)) return;
  }
}

/** What a game server reads in a join token. */
async function seatOf(wsUrl: string): Promise<Seat> {
  const { keys } = allocator;
  const nowSeconds = Math.floor(Date.now() / 1000);
  const opener = new RouteOpener(parseKeySet(keys.sealing, 'seal', 'keys'));
  const { seatToken } = await opener.open(new URL(wsUrl).searchParams.get('token') ?? '', nowSeconds);
  return new SeatVerifier(parseKeySet(keys.verifying, 'verify', 'keys')).verify(seatToken, nowSeconds);
}

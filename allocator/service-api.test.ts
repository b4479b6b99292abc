import { CLAIM_LABEL, CLAIM_UNTIL_ANNOTATION, DRAIN_ANNOTATION } from '../lib/session.ts';
import type { KubernetesEndpoint } from './testing/kubernetes-endpoint.ts';
import { addHolding, testSession } from './testing/marked-game-servers.ts';
import { startTestAllocator, until } from './testing/running-allocator.ts';
import type { TestAllocator, TestAnswer } from './testing/running-allocator.ts';

let allocator: TestAllocator;
afterEach(() => allocator.stop());

const HOUR_MS = 3_600_000;
const AUTHORIZATION = 'Bearer a-service-token-for-tests';

async function start(prepare: (kubernetes: KubernetesEndpoint) => void): Promise<void> {
  const environment = { REAPER: 'dry-run', DRAIN_OUTDATED: 'off', ALLOCATE_BY: 'Patch' };
  allocator = await startTestAllocator((kubernetes) => {
    kubernetes.addFleet('boats', 'boat-race', 8);
    kubernetes.addFleet('chess', 'chess', 2);
    prepare(kubernetes);
  }, environment);
}

async function call(method: string, path: string, authorization = AUTHORIZATION): Promise<Omit<TestAnswer, 'headers'>> {
  const response = await fetch(allocator.url + path, { method, headers: { authorization } });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
}

function addSessions(kubernetes: KubernetesEndpoint, count: number): void {
  for (let each = 0; each < count; each += 1) {
    addHolding(kubernetes, `boats-${each}`, testSession(`session${String(each).padStart(4, '0')}`, { agoMs: 1000 }));
  }
}

describe('GET /v1/sessions', () => {
  it('lists every session once, page by page, in order of their ids', async () => {
    await start((kubernetes) => {
      addSessions(kubernetes, 25);
      kubernetes.addGameServer('ready', 'boat-race');
    });
    const ids: string[] = [];
    let after = '';
    for (let pages = 0; pages < 3; pages += 1) {
      const { status, body } = await call('GET', `/v1/sessions?limit=10${after}`);
      expect(status).toBe(200);
      expect(body.sessions.length).toBe(pages < 2 ? 10 : 5);
      ids.push(...body.sessions.map(({ sessionId }: { sessionId: string }) => sessionId));
      after = `&after=${body.next}`;
    }
    expect(after).toBe('&after=undefined');
    expect(ids).toEqual([...new Set(ids)].toSorted());
    expect(ids).toHaveLength(25);
  });

  it('lists those of one game, with nothing that leads to them', async () => {
    await start((kubernetes) => {
      addSessions(kubernetes, 1);
      addHolding(kubernetes, 'chess-0', { ...testSession('chess'), game: 'chess' });
    });
    const { body } = await call('GET', '/v1/sessions?game=chess');
    expect(body).toEqual({
      sessions: [
        expect.objectContaining({
          sessionId: 'chess00000000000',
          game: 'chess',
          mode: 'exclusive',
          gameServer: 'chess-0',
        }),
      ],
    });
    expect(JSON.stringify(body)).not.toMatch(/10\.1\.2\.3|203\.0/);
    expect((await call('GET', '/v1/sessions?game=none')).body).toEqual({ sessions: [] });
  });
});

describe('DELETE /v1/sessions/ID', () => {
  it('ends the session and its GameServer, once', async () => {
    await start((kubernetes) => {
      addSessions(kubernetes, 2);
    });
    const path = '/v1/sessions/session000000000';
    expect(await call('DELETE', path)).toEqual({ status: 204, body: undefined });
    expect(allocator.kubernetes.gameServer('boats-0')?.status?.state).toBe('Shutdown');
    expect(allocator.kubernetes.gameServer('boats-1')?.status?.state).toBe('Allocated');
    await until(() => allocator.kubernetes.patches.length === 1);
    expect(await call('DELETE', path)).toMatchObject({ status: 410, body: { code: 'session_over' } });
  });

  it.each([
    ['/v1/sessions/nonsense', 404, 'session_not_found'],
    ['/v1/sessions/0000000000000000000', 404, 'session_not_found'],
  ])('%s: %i', async (path, status, code) => {
    await start(() => {});
    expect(await call('DELETE', path)).toMatchObject({ status, body: { code } });
  });
});

describe('GET /v1/servers', () => {
  it('tells what each GameServer holds, since when, and what the reaper thinks of it', async () => {
    await start((kubernetes) => {
      addHolding(kubernetes, 'a-old', testSession('a', { agoMs: 7 * HOUR_MS }), {
        annotations: { [DRAIN_ANNOTATION]: '2026-11-25T00:00:00Z' },
      });
      addHolding(kubernetes, 'b-new', testSession('b', { agoMs: 2000 }));
      kubernetes.addGameServer('c-claimed', 'boat-race', {
        state: 'Allocated',
        labels: { [CLAIM_LABEL]: 'regatta-1' },
        annotations: {
          [CLAIM_UNTIL_ANNOTATION]: '2099-01-01T00:00:00.000Z',
          'agones.dev/last-allocated': new Date(Date.now() - 2 * HOUR_MS).toISOString(),
        },
      });
      kubernetes.addGameServer('d-ready', 'boat-race');
    });
    const { body } = await call('GET', '/v1/servers');
    expect(body.servers).toEqual([
      {
        name: 'a-old',
        fleet: 'boats',
        game: 'boat-race',
        state: 'Allocated',
        sessionIds: ['a000000000000000'],
        allocatedAt: expect.any(String),
        ageSeconds: expect.any(Number),
        drainingSince: '2026-11-25T00:00:00Z',
        wouldReap: 'session-too-long',
      },
      expect.objectContaining({ name: 'b-new', sessionIds: ['b000000000000000'] }),
      expect.objectContaining({ name: 'c-claimed', claim: { holder: 'regatta-1', until: '2099-01-01T00:00:00.000Z' } }),
      { name: 'd-ready', fleet: 'boats', game: 'boat-race', state: 'Ready', sessionIds: [] },
    ]);
    expect(body.servers[0].ageSeconds).toBeGreaterThanOrEqual(7 * 3600);
    expect(body.servers[1]).not.toHaveProperty('wouldReap');
    expect(JSON.stringify(body)).not.toMatch(/10\.1\.2\.3|203\.0/);
    const names = async (query: string): Promise<string[]> =>
      (await call('GET', `/v1/servers?${query}`)).body.servers.map(({ name }: { name: string }) => name);
    expect(await names('olderThan=1h')).toEqual(['a-old', 'c-claimed']);
    expect(await names('olderThan=3h&state=Allocated')).toEqual(['a-old']);
    expect(await names('state=Ready')).toEqual(['d-ready']);
    expect(await names('limit=2')).toEqual(['a-old', 'b-new']);
    expect(await names('limit=2&after=b-new')).toEqual(['c-claimed', 'd-ready']);
  });
});

describe('GET /v1/fleets and POST /v1/fleets/NAME/drain', () => {
  it('counts GameServers by state and version, and drains a Fleet once', async () => {
    await start((kubernetes) => {
      for (const [name, set, day] of [
        ['old', 'v1', '1'],
        ['new', 'v2', '2'],
      ]) {
        const labels = { 'agones.dev/gameserverset': set };
        kubernetes.addGameServer(`boats-${name}`, 'boat-race', { labels, createdAt: `2026-01-0${day}T00:00:00Z` });
      }
      addHolding(kubernetes, 'boats-held', testSession('a'), { labels: { 'agones.dev/gameserverset': 'v1' } });
      kubernetes.addGameServer('chess-0', 'chess', { fleet: 'chess' });
    });
    const boats = {
      name: 'boats',
      game: 'boat-race',
      mode: 'exclusive',
      replicas: { Ready: 2, Allocated: 1 },
      outdated: 2,
    };
    const chess = { name: 'chess', game: 'chess', mode: 'exclusive', replicas: { Ready: 1 }, outdated: 0, draining: 0 };
    expect((await call('GET', '/v1/fleets')).body).toEqual({ fleets: [{ ...boats, draining: 0 }, chess] });

    expect(await call('POST', '/v1/fleets/boats/drain')).toEqual({
      status: 200,
      body: { fleet: 'boats', marked: 3, already: 0, left: 0 },
    });
    const fleets = (): Promise<{ body: { fleets: { draining: number }[] } }> => call('GET', '/v1/fleets');
    for (;;) if ((await fleets()).body.fleets[0]?.draining === 3) break;
    expect((await call('POST', '/v1/fleets/boats/drain')).body).toEqual({
      fleet: 'boats',
      marked: 0,
      already: 3,
      left: 0,
    });
    const since = allocator.kubernetes.gameServer('boats-held')?.metadata.annotations[DRAIN_ANNOTATION] ?? '';
    expect(Math.abs(Date.now() - Date.parse(since))).toBeLessThan(60_000);
    // Ready as it is, it is given to nobody any more.
    const { status, body } = await allocator.post(
      '/api/new-game',
      { playerId: 'a', game: 'boat-race' },
      { prefer: 'wait=0' },
    );
    expect([status, body.code]).toEqual([503, 'no_capacity']);
    expect(allocator.kubernetes.gameServer('chess-0')?.metadata.annotations).not.toHaveProperty([DRAIN_ANNOTATION]);
  });

  it('says what is left when Kubernetes does not answer', async () => {
    await start((kubernetes) => {
      kubernetes.addGameServer('boats-0', 'boat-race');
    });
    allocator.kubernetes.isDown = true;
    expect((await call('POST', '/v1/fleets/boats/drain')).body).toEqual({
      fleet: 'boats',
      marked: 0,
      already: 0,
      left: 1,
    });
  });

  it('knows no Fleet that plays no game', async () => {
    await start(() => {});
    expect(await call('POST', '/v1/fleets/ghosts/drain')).toMatchObject({
      status: 404,
      body: { code: 'unknown_game' },
    });
  });
});

describe('a query that is not right', () => {
  it.each([
    ['/v1/sessions?limit=0', ['query limit']],
    ['/v1/sessions?limit=1001', ['query limit']],
    ['/v1/sessions?limit=ten&after=!&game=%00', ['query game', 'query limit', 'query after']],
    ['/v1/sessions?colour=blue', ['query colour']],
    ['/v1/servers?state=Sleeping', ['query state']],
    ['/v1/servers?olderThan=1', ['query olderThan']],
    ['/v1/servers?olderThan=-1h', ['query olderThan']],
    ['/v1/fleets?limit=1.5', ['query limit']],
  ])('%s is refused, and told which', async (path, fields) => {
    await start(() => {});
    const { status, body } = await call('GET', path);
    expect([status, body.code]).toEqual([400, 'invalid_request']);
    expect(body.errors.map(({ field }: { field: string }) => field)).toEqual(fields);
  });

  it.each([
    ['GET', '/v1/sessions'],
    ['DELETE', '/v1/sessions/session000000000'],
    ['GET', '/v1/servers'],
    ['GET', '/v1/fleets'],
    ['POST', '/v1/fleets/boats/drain'],
  ])('nor is anybody without the credential: %s %s', async (method, path) => {
    await start((kubernetes) => {
      addSessions(kubernetes, 1);
    });
    expect(await call(method, path, 'Bearer wrong')).toMatchObject({
      status: 401,
      body: { code: 'credential_invalid' },
    });
    expect(allocator.kubernetes.patches).toEqual([]);
  });
});

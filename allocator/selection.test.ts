import { CANARY_ANNOTATION, CLAIM_LABEL, DRAIN_ANNOTATION } from '../lib/session.ts';
import { startTestAllocator, until } from './testing/running-allocator.ts';
import type { TestAllocator } from './testing/running-allocator.ts';
import type { KubernetesEndpoint } from './testing/kubernetes-endpoint.ts';

let allocator: TestAllocator;
afterEach(() => allocator.stop());

const ALLOCATE_BY = ['Patch', 'GameServerAllocation'] as const;
/** With places for one session a shared GameServer is given out like any other. */
const MODES = { exclusive: {}, shared: { capacity: 1 } };

async function start(allocateBy: string, prepare: (kubernetes: KubernetesEndpoint) => void): Promise<void> {
  allocator = await startTestAllocator(prepare, { ALLOCATE_BY: allocateBy });
}

async function given(body: object = {}, path = '/api/new-game'): Promise<string> {
  const answer = await allocator.post(
    path,
    {
      ...(path === '/api/new-game' ? { playerId: 'a' } : { players: [{ playerId: 'a' }] }),
      game: 'boat-race',
      ...body,
    },
    { prefer: 'wait=0', authorization: 'Bearer a-service-token-for-tests' },
  );
  return answer.status === 201 ? (answer.body.allocation?.gameServer ?? answer.body.gameServer) : answer.body.code;
}

describe('a GameServer that is excluded', () => {
  function boats(kubernetes: KubernetesEndpoint, mode: { capacity?: number } = {}): void {
    kubernetes.addFleet('boats', 'boat-race', 8, mode);
    for (const name of ['boats-0', 'boats-1', 'boats-2']) kubernetes.addGameServer(name, 'boat-race', mode);
  }

  it.each([
    ['/api/new-game', 'exclusive'],
    ['/v1/allocations', 'exclusive'],
    ['/api/new-game', 'shared'],
  ] as const)('is not given: %s, %s', async (path, mode) => {
    await start('Patch', (kubernetes) => {
      boats(kubernetes, MODES[mode]);
    });
    expect(await given({ exclude: ['boats-0', 'boats-1'] }, path)).toBe('boats-2');
    expect(await given({ exclude: ['boats-0', 'boats-1'] }, path)).toBe('no_capacity');
    expect(await given({}, path)).toBe('boats-0');
  });

  it('is there for those who come later, though somebody waits who will not have it', async () => {
    await start('Patch', (kubernetes) => {
      kubernetes.addFleet('boats', 'boat-race', 8);
      kubernetes.addGameServer('boats-0', 'boat-race');
    });
    const waiting = allocator.post('/api/new-game', { playerId: 'a', exclude: ['boats-0'] }, { prefer: 'wait=30' });
    for (;;) {
      const metrics = await (await fetch(allocator.metricsUrl)).text();
      if (metrics.includes('regatta_session_requests_waiting 1')) break;
    }
    const other = await allocator.post('/api/new-game', { playerId: 'b' }, { prefer: 'wait=30' });
    expect(other.body.allocation.gameServer).toBe('boats-0');
    allocator.kubernetes.addGameServer('boats-1', 'boat-race');
    expect((await waiting).body.allocation.gameServer).toBe('boats-1');
  });

  it.each([
    [{ exclude: Array.from({ length: 21 }, (_, index) => `boats-${index}`) }, 'exclude'],
    [{ exclude: 'boats-0' }, 'exclude'],
    [{ exclude: ['boats-0', 'No Name'] }, 'exclude[1]'],
  ])('must be named well: %j', async (body, field) => {
    await start('Patch', (kubernetes) => {
      boats(kubernetes);
    });
    const { status, body: problem } = await allocator.post('/api/new-game', { playerId: 'a', ...body });
    expect([status, problem.errors[0].field]).toEqual([400, field]);
    expect(allocator.kubernetes.patches).toEqual([]);
  });
});

describe.each(ALLOCATE_BY.flatMap((by) => [[by, 'exclusive'] as const, [by, 'shared'] as const]))(
  'a canary Fleet, by %s, %s,',
  (allocateBy, mode) => {
    async function startFleets(canary: string, where: 'fleet' | 'both' = 'both'): Promise<void> {
      await start(allocateBy, (kubernetes) => {
        kubernetes.addFleet('stable', 'boat-race', 8, MODES[mode]);
        kubernetes.addFleet('canary', 'boat-race', 8, { ...MODES[mode], annotations: { [CANARY_ANNOTATION]: canary } });
        // By name the canary's would come first.
        for (let each = 0; each < 2; each += 1) {
          kubernetes.addGameServer(`a-canary-${each}`, 'boat-race', { ...MODES[mode], fleet: 'canary' });
          if (where === 'both')
            kubernetes.addGameServer(`b-stable-${each}`, 'boat-race', { ...MODES[mode], fleet: 'stable' });
        }
      });
    }

    it('gets all new sessions at 100, and the others go on when it has none Ready', async () => {
      await startFleets('100');
      const fleets = [await given(), await given(), await given()].map((name) => name.slice(0, 8));
      expect(fleets).toEqual(['a-canary', 'a-canary', 'b-stable']);
    });

    it.each(['0', '-1', '101', 'many', ''])(
      'gets none at %j, though there is nothing else, unless it is named',
      async (canary) => {
        await startFleets(canary);
        const fleets = [await given(), await given(), await given()].map((name) => name.slice(0, 8));
        expect(fleets).toEqual(['b-stable', 'b-stable', 'no_capac']);
        expect(await given({ fleet: 'canary' }, '/v1/allocations')).toBe('a-canary-0');
      },
    );

    it('gets none at 0 where it is alone, and nothing else is taken in its place', async () => {
      await start(allocateBy, (kubernetes) => {
        kubernetes.addFleet('canary', 'boat-race', 8, { annotations: { [CANARY_ANNOTATION]: '0' } });
        kubernetes.addGameServer('a-canary-0', 'boat-race', { fleet: 'canary' });
        kubernetes.addGameServer('other', 'chess', { fleet: 'chess' });
      });
      expect(await given()).toBe('no_capacity');
      expect(allocator.kubernetes.gameServers().map(({ status }) => status?.state)).toEqual(['Ready', 'Ready']);
    });

    it('is better than nothing when the others have none Ready', async () => {
      await startFleets('0.0001', 'fleet');
      expect(await given()).toBe('a-canary-0');
    });
  },
);

describe('with GameServers that are claimed ahead of need', () => {
  const CLAIMS = { ALLOCATE_BY: 'Patch', WARM_CLAIMS: 'on', MIN_CLAIMS: '2', MAX_CLAIMS: '2', REAP_EVERY_MS: '50' };
  const claimed = (): string[] =>
    allocator.kubernetes
      .gameServers()
      .flatMap(({ metadata }) => ((metadata.labels[CLAIM_LABEL] ?? '') === '' ? [] : metadata.name));

  it('an excluded one is not given, though it is claimed', async () => {
    allocator = await startTestAllocator((kubernetes) => {
      kubernetes.addFleet('boats', 'boat-race', 8);
      for (const name of ['boats-0', 'boats-1', 'boats-2']) kubernetes.addGameServer(name, 'boat-race');
    }, CLAIMS);
    await until(() => claimed().length === 2);
    const excluded = claimed();
    expect(['boats-0', 'boats-1', 'boats-2']).toContain(await given({ exclude: excluded }));
    expect(excluded.filter((name) => !claimed().includes(name))).toEqual([]);
  });

  it('a canary of nothing is not claimed, and is given back when it becomes one', async () => {
    const canary = (percent: string): [string, string, number, { annotations: Record<string, string> }] => [
      'canary',
      'boat-race',
      8,
      { annotations: { [CANARY_ANNOTATION]: percent } },
    ];
    allocator = await startTestAllocator((kubernetes) => {
      kubernetes.addFleet('stable', 'boat-race', 8);
      kubernetes.addFleet(...canary('100'));
      for (let each = 0; each < 3; each += 1) {
        kubernetes.addGameServer(`canary-${each}`, 'boat-race', { fleet: 'canary' });
        kubernetes.addGameServer(`stable-${each}`, 'boat-race', { fleet: 'stable' });
      }
    }, CLAIMS);
    await until(() => claimed().length === 2 && claimed().every((name) => name.startsWith('canary')));
    allocator.kubernetes.addFleet(...canary('0'));
    await until(() => claimed().length === 2 && claimed().every((name) => name.startsWith('stable')));
    expect(await given()).toMatch(/^stable/);
  });

  it('one that is told to drain is not given, and is given back', async () => {
    allocator = await startTestAllocator((kubernetes) => {
      kubernetes.addFleet('boats', 'boat-race', 8);
      for (const name of ['boats-0', 'boats-1', 'boats-2', 'boats-3']) kubernetes.addGameServer(name, 'boat-race');
    }, CLAIMS);
    await until(() => claimed().length === 2);
    const drained = claimed();
    for (const name of drained) allocator.kubernetes.annotate(name, { [DRAIN_ANNOTATION]: new Date().toISOString() });
    await until(() => claimed().length === 2 && claimed().every((name) => !drained.includes(name)));
    for (const name of drained) expect(allocator.kubernetes.gameServer(name)?.status?.state).toBe('Ready');
    expect(drained).not.toContain(await given());
  });
});

it('gives no GameServer that drains, even the last', async () => {
  await start('Patch', (kubernetes) => {
    kubernetes.addFleet('boats', 'boat-race', 8);
    kubernetes.addGameServer('boats-0', 'boat-race', { annotations: { [DRAIN_ANNOTATION]: '2026-11-25T00:00:00Z' } });
  });
  expect(await given()).toBe('no_capacity');
});

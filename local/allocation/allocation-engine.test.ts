import type { GameServer, GameServerAllocation } from '../../lib/agones.ts';
import type { CoreEvent } from '../controllers/event-recorder.ts';
import { EventRecorder } from '../controllers/event-recorder.ts';
import { seededRandom } from '../../lib/seeded-random.ts';
import { TestCluster } from '../controllers/testing/test-cluster.ts';
import { silentLogger } from '../../lib/logger.ts';
import { createAllocationEngine } from './allocation-engine.ts';
import type { AllocationEngine } from './allocation-engine.ts';

type Spec = GameServerAllocation['spec'];

let cluster: TestCluster;
let engine: AllocationEngine;

beforeEach(() => {
  cluster = new TestCluster();
  const { store, clock } = cluster;
  const record = new EventRecorder({ store, clock, log: silentLogger }).from('GameServerAllocation-Allocator');
  engine = createAllocationEngine({ store, clock, record, random: seededRandom(3) });
});
afterEach(() => {
  engine.stop();
  cluster.stop();
});

function requestOf(spec: Spec): GameServerAllocation {
  // A request needs no metadata, and the API hands it over without.
  return { apiVersion: 'allocation.agones.dev/v1', kind: 'GameServerAllocation', spec } as GameServerAllocation;
}

async function allocate(spec: Spec, namespace = 'default'): Promise<GameServerAllocation> {
  const answer = engine.allocate(namespace, requestOf(spec));
  cluster.clock.advance(500);
  return answer;
}

/** A GameServer that is Ready without a process: `i` is its number, in its name and in the label `i`. */
function createReady(i: number, options: { count?: number; values?: string[]; node?: string } = {}): void {
  cluster.createGameServer(
    `gs-${i}`,
    {
      ports: [{ name: 'ws', portPolicy: 'Static', hostPort: 21_000 + i, containerPort: 8000, protocol: 'TCP' }],
      counters: { rooms: { count: options.count ?? i, capacity: 10 } },
      lists: { sessions: { capacity: 3, values: options.values ?? [] } },
    },
    { labels: { i: String(i), all: 'yes' }, annotations: { 'agones.dev/dev-address': options.node ?? '127.0.0.1' } },
  );
  cluster.settle();
}

const ALLOCATED = { gameServerState: 'Allocated' } as const;

describe('an allocation', () => {
  it('answers UnAllocated, with the defaults it read the request with, when nothing matches', async () => {
    expect(await allocate({ selectors: [{ matchLabels: { never: 'x' } }] })).toEqual({
      kind: 'GameServerAllocation',
      apiVersion: 'allocation.agones.dev/v1',
      metadata: { namespace: 'default', creationTimestamp: '2026-01-01T00:00:00Z' },
      spec: {
        multiClusterSetting: { policySelector: {} },
        required: {},
        selectors: [{ matchLabels: { never: 'x' }, gameServerState: 'Ready' }],
        scheduling: 'Packed',
        metadata: {},
      },
      status: { state: 'UnAllocated', gameServerName: '', source: '' },
    });
  });

  it('gives out a GameServer with all a client needs, and writes it in one change', async () => {
    createReady(0);
    const changes: GameServer[] = [];
    cluster.store.subscribe<GameServer>('gameservers', ({ object }) => changes.push(object));
    const metadata = { labels: { mode: 'race' }, annotations: { note: '{"v":1}' } };
    const answer = await allocate({ selectors: [{ matchLabels: { i: '0' } }], metadata });
    const lastAllocated = '2026-01-01T00:00:00.500000000Z';
    expect(answer.metadata).toEqual({ name: 'gs-0', namespace: 'default', creationTimestamp: '2026-01-01T00:00:00Z' });
    expect(answer.status).toEqual({
      state: 'Allocated',
      gameServerName: 'gs-0',
      ports: [{ name: 'ws', port: 21_000 }],
      address: '127.0.0.1',
      addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
      nodeName: '127.0.0.1',
      source: 'local',
      metadata: {
        labels: { i: '0', all: 'yes', mode: 'race' },
        annotations: {
          'agones.dev/dev-address': '127.0.0.1',
          'agones.dev/last-allocated': lastAllocated,
          'agones.dev/sdk-version': expect.any(String),
          note: '{"v":1}',
        },
      },
      counters: { rooms: { count: 0, capacity: 10 } },
      lists: { sessions: { capacity: 3, values: [] } },
    });
    expect(changes).toHaveLength(1);
    expect(changes[0]?.status?.state).toBe('Allocated');
    expect(changes[0]?.metadata.labels).toMatchObject({ mode: 'race' });
  });

  it('leaves an event, and counts the next ones on it', async () => {
    createReady(0);
    await allocate({});
    await allocate({ selectors: [ALLOCATED] });
    const events = cluster.store.list<CoreEvent>('events').filter(({ reason }) => reason === 'Allocated');
    expect(events).toMatchObject([
      {
        count: 2,
        type: 'Normal',
        source: { component: 'GameServerAllocation-Allocator' },
        involvedObject: { name: 'gs-0' },
      },
    ]);
  });

  it('sets a later last-allocated each time, also within one millisecond', async () => {
    createReady(0);
    createReady(1);
    const answers = [engine.allocate('default', requestOf({})), engine.allocate('default', requestOf({}))];
    cluster.clock.advance(500);
    const [first = '', second = ''] = (await Promise.all(answers)).map(
      ({ status }) => status?.metadata?.annotations?.['agones.dev/last-allocated'],
    );
    expect(first).not.toBe('');
    expect(second > first).toBe(true);
  });

  it('looks only into its namespace', async () => {
    createReady(0);
    expect((await allocate({}, 'other')).status?.state).toBe('UnAllocated');
  });

  it('does not give out what is being deleted or is Reserved', async () => {
    createReady(0);
    createReady(1);
    cluster.setState('gs-0', 'Reserved');
    cluster.setState('gs-1', 'Shutdown');
    expect((await allocate({})).status?.state).toBe('UnAllocated');
  });
});

describe('selection', () => {
  it('takes an earlier selector as long as any GameServer matches it', async () => {
    createReady(1);
    createReady(2);
    const selectors = [
      { matchLabels: { never: 'x' } },
      { matchLabels: { i: '2' } },
      { matchExpressions: [{ key: 'i', operator: 'In' as const, values: ['1', '2'] }] },
    ];
    expect((await allocate({ selectors })).status?.gameServerName).toBe('gs-2');
    expect((await allocate({ selectors })).status?.gameServerName).toBe('gs-1');
  });

  it('takes preferred in order and then required when there are no selectors', async () => {
    createReady(1);
    createReady(3);
    const answer = await allocate({
      required: { matchLabels: { all: 'yes' } },
      preferred: [{ matchLabels: { i: '3' } }],
    });
    expect(answer.status?.gameServerName).toBe('gs-3');
    expect(answer.spec).toMatchObject({
      required: { matchLabels: { all: 'yes' }, gameServerState: 'Ready' },
      selectors: [
        { matchLabels: { i: '3' }, gameServerState: 'Ready' },
        { matchLabels: { all: 'yes' }, gameServerState: 'Ready' },
      ],
    });
  });

  it.each([
    { expression: { key: 'i', operator: 'NotIn' as const, values: ['1'] }, found: 'gs-2' },
    { expression: { key: 'all', operator: 'Exists' as const }, found: 'gs-1' },
    { expression: { key: 'all', operator: 'DoesNotExist' as const }, found: '' },
  ])('understands the operator $expression.operator', async ({ expression, found }) => {
    createReady(1);
    createReady(2);
    const answer = await allocate({ selectors: [{ matchExpressions: [expression] }] });
    expect(answer.status?.gameServerName).toBe(found);
  });

  it.each([
    { counters: { rooms: { minAvailable: 6 } }, found: 'gs-2' },
    { counters: { rooms: { maxAvailable: 3 } }, found: 'gs-8' },
    { counters: { rooms: { minCount: 3, maxCount: 9 } }, found: 'gs-8' },
    { counters: { rooms: { minAvailable: 9 } }, found: '' },
    { counters: { nope: {} }, found: '' },
    { lists: { sessions: { containsValue: 'q' } }, found: 'gs-8' },
    { lists: { sessions: { minAvailable: 3 } }, found: 'gs-2' },
    { lists: { sessions: { minAvailable: 1, maxAvailable: 2 } }, found: 'gs-8' },
    { lists: { nope: { minAvailable: 0 } }, found: '' },
  ])('by $counters$lists finds "$found"', async ({ found, ...selector }) => {
    createReady(2);
    createReady(8, { values: ['q'] });
    // The table's rows have different keys.
    const answer = await allocate({ selectors: [selector as NonNullable<Spec['selectors']>[number]] });
    expect(answer.status?.gameServerName).toBe(found);
  });

  it.each([
    { order: 'Ascending' as const, first: 'gs-4', second: 'gs-1' },
    { order: 'Descending' as const, first: 'gs-1', second: 'gs-4' },
  ])('with priority $order takes $first first', async ({ order, first, second }) => {
    createReady(1);
    createReady(4);
    const spec: Spec = { priorities: [{ type: 'Counter', key: 'rooms', order }] };
    expect((await allocate(spec)).status?.gameServerName).toBe(first);
    expect((await allocate({ ...spec, scheduling: 'Distributed' })).status?.gameServerName).toBe(second);
  });

  it('prefers a GameServer that has the Counter to one that lacks it, in both orders', async () => {
    cluster.createGameServer('bare', {}, { annotations: { 'agones.dev/dev-address': '127.0.0.1' } });
    createReady(1);
    createReady(2);
    const priorities = (order: 'Ascending' | 'Descending') => [{ type: 'Counter' as const, key: 'rooms', order }];
    expect((await allocate({ priorities: priorities('Ascending') })).status?.gameServerName).toBe('gs-2');
    expect((await allocate({ priorities: priorities('Descending') })).status?.gameServerName).toBe('gs-1');
  });

  it('packs: the node with more Allocated first, then the one with more Ready', async () => {
    for (const i of [1, 2, 3]) createReady(i, { node: '10.0.0.9' });
    for (const i of [4, 5]) createReady(i, { node: '10.0.0.8' });
    expect((await allocate({})).status?.nodeName).toBe('10.0.0.9');
    await allocate({ selectors: [{ matchLabels: { i: '4' } }] });
    await allocate({ selectors: [{ matchLabels: { i: '2' } }] });
    expect((await allocate({})).status?.gameServerName).toBe('gs-3');
  });

  it('distributes at random', async () => {
    for (let i = 0; i < 10; i += 1) createReady(i);
    const names: string[] = [];
    for (let i = 0; i < 10; i += 1) {
      names.push((await allocate({ scheduling: 'Distributed' })).status?.gameServerName ?? '');
    }
    expect(new Set(names).size).toBe(10);
    expect(names).not.toEqual([...names].toSorted((left, right) => left.localeCompare(right)));
  });
});

describe('actions', () => {
  it.each([
    { action: { action: 'Increment', amount: 50 }, rooms: { count: 10, capacity: 10 } },
    { action: { action: 'Decrement', amount: 50 }, rooms: { count: 0, capacity: 10 } },
    { action: { action: 'Increment', amount: 2 }, rooms: { count: 6, capacity: 10 } },
    { action: { capacity: 3 }, rooms: { count: 3, capacity: 3 } },
    { action: { capacity: 20, action: 'Increment', amount: 9 }, rooms: { count: 13, capacity: 20 } },
  ])('on a Counter at 4 of 10: $action makes $rooms', async ({ action, rooms }) => {
    createReady(4);
    expect((await allocate({ counters: { rooms: action } })).status?.counters).toEqual({ rooms });
    expect(cluster.gameServer('gs-4')?.status?.counters).toEqual({ rooms });
  });

  it.each([
    { action: { addValues: ['b', 'c', 'd', 'e'] }, sessions: { capacity: 3, values: ['a', 'b', 'c'] } },
    { action: { deleteValues: ['a'], addValues: ['z'] }, sessions: { capacity: 3, values: ['b', 'z'] } },
    { action: { capacity: 10, addValues: ['q'] }, sessions: { capacity: 10, values: ['a', 'b', 'q'] } },
    { action: { capacity: 1 }, sessions: { capacity: 1, values: ['a'] } },
  ])('on a List of a, b with room for 3: $action makes $sessions', async ({ action, sessions }) => {
    createReady(0, { values: ['a', 'b'] });
    expect((await allocate({ lists: { sessions: action } })).status?.lists).toEqual({ sessions });
  });

  it('adds before it deletes: a full List takes nothing', async () => {
    createReady(0, { values: ['a', 'b', 'c'] });
    const answer = await allocate({ lists: { sessions: { deleteValues: ['a'], addValues: ['z'] } } });
    expect(answer.status?.lists).toEqual({ sessions: { capacity: 3, values: ['b', 'c'] } });
  });

  it('that cannot be done do not fail the allocation; events tell of them', async () => {
    createReady(0);
    const answer = await allocate({
      counters: { nope: { action: 'Increment', amount: 1 }, rooms: { action: 'Explode', amount: 1 } },
      lists: { nope: { addValues: ['x'] }, sessions: { capacity: 1001 } },
    });
    expect(answer.status).toMatchObject({ state: 'Allocated', counters: { rooms: { count: 0, capacity: 10 } } });
    const warnings = cluster.store.list<CoreEvent>('events').filter(({ type }) => type === 'Warning');
    expect(warnings.map(({ reason }) => reason)).toEqual(['CounterActionError', 'ListActionError']);
  });
});

describe('batching', () => {
  it('has a lone request wait no longer than the batch wait, counted from the last batch', async () => {
    createReady(0);
    await allocate({});
    cluster.clock.advance(1700);
    let answered = false;
    const answer = engine.allocate('default', requestOf({})).then(() => {
      answered = true;
    });
    cluster.clock.advance(299);
    await new Promise(setImmediate);
    expect(answered).toBe(false);
    cluster.clock.advance(1);
    await answer;
  });

  it('gives no GameServer to two requests of a batch', async () => {
    for (let i = 0; i < 150; i += 1) createReady(i);
    const answers = Array.from({ length: 160 }, () => engine.allocate('default', requestOf({})));
    cluster.clock.advance(500);
    const names = (await Promise.all(answers)).map(({ status }) => status?.gameServerName ?? '').filter(Boolean);
    expect(names).toHaveLength(150);
    expect(new Set(names).size).toBe(150);
  });

  it('refuses more requests than may wait, and what waits when it stops', async () => {
    const { store, clock } = cluster;
    const small = createAllocationEngine({ store, clock, record() {}, maxPendingRequests: 1 });
    const waiting = small.allocate('default', requestOf({}));
    await expect(small.allocate('default', requestOf({}))).rejects.toMatchObject({ code: 429 });
    small.stop();
    await expect(waiting).rejects.toMatchObject({ code: 503 });
    await expect(small.allocate('default', requestOf({}))).rejects.toMatchObject({ code: 503 });
  });
});

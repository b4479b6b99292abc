import { invalid, refusalIn } from '../harness/refusals.ts';
import { PATHS } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';

const cluster = useCluster();

/** Nothing has this label: what is not refused finds nothing. */
const selector = { matchLabels: { 'regatta.dev/group': 'of-nobody' } };
const selectors = [selector];
const asked = (spec: object) => cluster.allocate({ selectors, ...spec });

const wrong = (field: string) => invalid(['FieldValueInvalid', field]);

describe('a GameServerAllocation is refused', () => {
  it.each([
    ['with a scheduling that is none', { scheduling: 'X' }, invalid(['FieldValueNotSupported', 'spec.scheduling'])],
    ['with an action but no amount', { counters: { c: { action: 'Increment' } } }, wrong('spec.counters[c]')],
    ['with an amount but no action', { counters: { c: { amount: 1 } } }, wrong('spec.counters[c]')],
    [
      'with a negative amount',
      { counters: { c: { action: 'Increment', amount: -1 } } },
      wrong('spec.counters[c].amount'),
    ],
    [
      'with a negative capacity of a Counter',
      { counters: { c: { capacity: -1 } } },
      wrong('spec.counters[c].capacity'),
    ],
    ['with a negative capacity of a List', { lists: { l: { capacity: -1 } } }, wrong('spec.lists[l].capacity')],
    ['with a priority without a key', { priorities: [{ type: 'Counter' }] }, wrong('spec.priorities[0]')],
    ['with a priority of no type', { priorities: [{ key: 'a' }] }, wrong('spec.priorities[0]')],
    ['with a priority of an unknown type', { priorities: [{ type: 'Thing', key: 'a' }] }, wrong('spec.priorities[0]')],
    [
      'with a priority of an unknown order',
      {
        priorities: [
          { type: 'List', key: 'a' },
          { type: 'List', key: 'a', order: 'Up' },
        ],
      },
      wrong('spec.priorities[1]'),
    ],
    ['with the key of a label that is none', { metadata: { labels: { 'a b': 'x' } } }, wrong('spec.metadata.labels')],
    ['with the value of a label that is none', { metadata: { labels: { a: 'x y!' } } }, wrong('spec.metadata.labels')],
    [
      'with the value of a label that is too long',
      { metadata: { labels: { a: 'x'.repeat(64) } } },
      wrong('spec.metadata.labels'),
    ],
    [
      'with the key of an annotation that is none',
      { metadata: { annotations: { 'a b': 'x' } } },
      wrong('spec.metadata.annotations'),
    ],
    [
      'with annotations that are too long',
      { metadata: { annotations: { a: 'x'.repeat(300_000) } } },
      invalid(['FieldValueTooLong', 'spec.metadata.annotations']),
    ],
  ])('%s', async (_what, spec, refusal) => {
    expect(refusalIn(await asked(spec))).toEqual(refusal);
  });

  it.each([
    ['with a state that is neither', { gameServerState: 'Shutdown' }, ['gameServerState']],
    ['with an empty state', { gameServerState: '' }, ['gameServerState']],
    ['with a label that is none', { matchLabels: { 'a b': 'c' } }, ['labelSelector']],
    ['with a value that is none', { matchLabels: { a: 'not ok!' } }, ['labelSelector']],
    ['with an operator that is none', { matchExpressions: [{ key: 'a', operator: 'Near' }] }, ['labelSelector']],
    ['with In of nothing', { matchExpressions: [{ key: 'a', operator: 'In', values: [] }] }, ['labelSelector']],
    ['with NotIn of nothing', { matchExpressions: [{ key: 'a', operator: 'NotIn' }] }, ['labelSelector']],
    [
      'with Exists of something',
      { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['x'] }] },
      ['labelSelector'],
    ],
    ['with an expression without a key', { matchExpressions: [{ operator: 'Exists' }] }, ['labelSelector']],
    ['with more at least than at most', { counters: { c: { minCount: 5, maxCount: 1 } } }, ['counters[c]']],
    ['with too much room at least', { counters: { c: { minAvailable: 5, maxAvailable: 1 } } }, ['counters[c]']],
    ['with too much room at least', { lists: { l: { minAvailable: 5, maxAvailable: 1 } } }, ['lists[l]']],
    ['with negative room', { lists: { l: { minAvailable: -1 } } }, ['lists[l].minAvailable']],
    [
      'with a negative count at least and at most',
      { counters: { c: { minCount: -1, maxCount: -1 } } },
      ['counters[c].minCount', 'counters[c].maxCount'],
    ],
    [
      'with negative room at least and at most',
      { counters: { c: { minAvailable: -1, maxAvailable: -2 } } },
      ['counters[c]', 'counters[c].maxAvailable', 'counters[c].minAvailable'],
    ],
  ])('for any of its selectors %s', async (_what, broken, fields) => {
    const causesAt = (path: string) =>
      invalid(...fields.map((field): [string, string] => ['FieldValueInvalid', `${path}.${field}`]));
    expect(refusalIn(await asked({ selectors: [selector, broken] }))).toEqual(causesAt('spec.selectors[1]'));
    expect(refusalIn(await asked({ required: broken }))).toEqual(causesAt('spec.required'));
    const preferred = [selector, broken];
    expect(refusalIn(await asked({ preferred }))).toEqual(causesAt('spec.preferred[1]'));
  });

  it('for all that is wrong with it at once, and says of what', async () => {
    const answer = await cluster.allocate({
      scheduling: 'X',
      selectors: [selector, { gameServerState: 'Shutdown', matchLabels: { 'a b': 'c' } }],
      priorities: [{ type: 'Thing', order: 'Up' }],
      counters: { a: { amount: -1 }, b: { capacity: -1 } },
      lists: { l: { capacity: -1 } },
      metadata: { labels: { 'a b': 'x y!' } },
    });
    expect(refusalIn(answer)).toEqual(
      invalid(
        ['FieldValueNotSupported', 'spec.scheduling'],
        ['FieldValueInvalid', 'spec.selectors[1].labelSelector'],
        ['FieldValueInvalid', 'spec.selectors[1].gameServerState'],
        ['FieldValueInvalid', 'spec.priorities[0]'],
        ['FieldValueInvalid', 'spec.priorities[0]'],
        ['FieldValueInvalid', 'spec.priorities[0]'],
        ['FieldValueInvalid', 'spec.counters[a]'],
        ['FieldValueInvalid', 'spec.counters[a].amount'],
        ['FieldValueInvalid', 'spec.counters[b].capacity'],
        ['FieldValueInvalid', 'spec.lists[l].capacity'],
        ['FieldValueInvalid', 'spec.metadata.labels'],
        ['FieldValueInvalid', 'spec.metadata.labels'],
      ),
    );
    expect(answer.body).toMatchObject({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      code: 422,
      details: { group: 'allocation.agones.dev', kind: 'GameServerAllocation' },
    });
    expect(answer.body.details).not.toHaveProperty('name');
  });

  it('under its name, where it has one', async () => {
    const answer = await cluster.request('POST', PATHS.gameserverallocations, {
      metadata: { name: 'regatta' },
      spec: { selectors, scheduling: 'X' },
    });
    expect(answer.body.details).toMatchObject({ name: 'regatta', kind: 'GameServerAllocation' });
  });
});

describe('a GameServerAllocation is taken', () => {
  it('with null for an item, which is an empty one, and shows nothing that is empty', async () => {
    const { status, body } = await asked({
      selectors: [selector, { ...selector, matchExpressions: [], counters: { c: null }, lists: {} }],
      preferred: [],
      priorities: [],
      counters: { c: null },
      lists: { l: { addValues: [], capacity: null } },
      metadata: { labels: {}, annotations: { note: null } },
      multiClusterSetting: { enabled: false, policySelector: { matchLabels: {} } },
    });
    expect(status).toBe(201);
    const none = { minCount: 0, maxCount: 0, minAvailable: 0, maxAvailable: 0 };
    const ready = { ...selector, gameServerState: 'Ready' };
    expect(body.spec).toEqual({
      selectors: [ready, { ...ready, counters: { c: none } }],
      required: {},
      scheduling: 'Packed',
      counters: { c: {} },
      lists: { l: {} },
      metadata: { annotations: { note: '' } },
      multiClusterSetting: { policySelector: {} },
    });
  });

  it.each([
    [
      'that asks for players, as player tracking is off',
      { selectors: [{ ...selector, players: { minAvailable: 5 } }] },
    ],
    [
      'with an action that is none, which shows while allocating',
      { counters: { c: { action: 'Explode', amount: 1 } } },
    ],
    ['with a List of more than 1000, which shows while allocating', { lists: { l: { capacity: 1001 } } }],
    ['with null for nothing', { priorities: null, counters: null, lists: null, metadata: null, preferred: null }],
    ['with fields that nothing knows', { nonsense: 1, selectors: [{ ...selector, nonsense: 1 }] }],
    ['with a maximum of 0, which is no limit', { selectors: [{ ...selector, counters: { c: { minCount: 5 } } }] }],
  ])('%s', async (_what, spec) => {
    const { status, body } = await asked(spec);
    expect([status, body.status.state]).toEqual([201, 'UnAllocated']);
    expect(JSON.stringify(body)).not.toContain('nonsense');
  });
});

import { gameServerAllocationTypeFaults, validateGameServerAllocation } from './game-server-allocation.ts';
import type { LooseObject } from './testing/admission.ts';

function faultsOf(spec: unknown): string[] {
  return validateGameServerAllocation(spec).map(({ reason, field }) => `${reason} ${field}`);
}

describe('a GameServerAllocation', () => {
  it.each<[string, unknown]>([
    ['nothing at all', undefined],
    ['an empty spec', {}],
    ['a selector of players, who are not tracked', { selectors: [{ players: { minAvailable: 1, maxAvailable: 5 } }] }],
    ['an action nobody knows', { counters: { seats: { action: 'Double', amount: 1 } } }],
    ['a limit of 0, which is none', { selectors: [{ counters: { seats: { minCount: 5, maxCount: 0 } } }] }],
    ['a capacity beyond 1000 for a List', { lists: { players: { capacity: 5000 } } }],
    [
      'fields that are null',
      { selectors: null, priorities: null, scheduling: null, counters: { seats: { amount: null } } },
    ],
    [
      'expressions on labels',
      { selectors: [{ matchExpressions: [{ key: 'a', operator: 'In', values: ['b', 'c'] }] }] },
    ],
  ])('may have %s', (_what, spec) => {
    expect(faultsOf(spec)).toEqual([]);
  });

  it.each<[string, LooseObject, string]>([
    ['an unknown scheduling', { scheduling: 'X' }, 'FieldValueNotSupported spec.scheduling'],
    [
      'a state one cannot select',
      { selectors: [{ gameServerState: 'Shutdown' }] },
      'FieldValueInvalid spec.selectors[0].gameServerState',
    ],
    [
      'a label with a bad key',
      { selectors: [{ matchLabels: { 'a b': 'c' } }] },
      'FieldValueInvalid spec.selectors[0].labelSelector',
    ],
    [
      'an unknown operator',
      { selectors: [{ matchExpressions: [{ key: 'a', operator: 'Near', values: ['x'] }] }] },
      'FieldValueInvalid spec.selectors[0].labelSelector',
    ],
    [
      'an operator without the values it needs',
      { preferred: [{ matchExpressions: [{ key: 'a', operator: 'In' }] }] },
      'FieldValueInvalid spec.preferred[0].labelSelector',
    ],
    [
      'an operator with values it does not take',
      { required: { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['x'] }] } },
      'FieldValueInvalid spec.required.labelSelector',
    ],
    [
      'a priority without a key',
      { priorities: [{ type: 'Counter', order: 'Ascending' }] },
      'FieldValueInvalid spec.priorities[0]',
    ],
    [
      'a priority of unknown type',
      { priorities: [{ type: 'Thing', key: 'a' }] },
      'FieldValueInvalid spec.priorities[0]',
    ],
    [
      'a priority in unknown order',
      { priorities: [{ type: 'List', key: 'a', order: 'Up' }] },
      'FieldValueInvalid spec.priorities[0]',
    ],
    ['an amount without an action', { counters: { seats: { amount: 1 } } }, 'FieldValueInvalid spec.counters[seats]'],
    [
      'an action without an amount',
      { counters: { seats: { action: 'Increment' } } },
      'FieldValueInvalid spec.counters[seats]',
    ],
    [
      'an amount below 0',
      { counters: { seats: { action: 'Increment', amount: -1 } } },
      'FieldValueInvalid spec.counters[seats].amount',
    ],
    [
      'a least count above the most',
      { selectors: [{ counters: { seats: { minCount: 5, maxCount: 1 } } }] },
      'FieldValueInvalid spec.selectors[0].counters[seats]',
    ],
    [
      'room below 0 in a List',
      { selectors: [{ lists: { players: { minAvailable: -1 } } }] },
      'FieldValueInvalid spec.selectors[0].lists[players].minAvailable',
    ],
    ['a capacity below 0 for a List', { lists: { l: { capacity: -1 } } }, 'FieldValueInvalid spec.lists[l].capacity'],
    [
      'a label to put on with a bad key',
      { metadata: { labels: { 'a b': 'x' } } },
      'FieldValueInvalid spec.metadata.labels',
    ],
    [
      'a label to put on with a bad value',
      { metadata: { labels: { a: 'x y!' } } },
      'FieldValueInvalid spec.metadata.labels',
    ],
    [
      'an annotation to put on with a bad key',
      { metadata: { annotations: { 'a b': 'x' } } },
      'FieldValueInvalid spec.metadata.annotations',
    ],
  ])('is refused for %s', (_what, spec, fault) => {
    expect(faultsOf(spec)).toEqual([fault]);
  });

  it('has its fields of a wrong type told apart, as Agones cannot decode them', () => {
    const spec = { selectors: 'all', scheduling: 'X', counters: { seats: { amount: 1.5 } } };
    const fields = gameServerAllocationTypeFaults(spec).map(({ field }) => field);
    expect(fields).toEqual(['spec.selectors', 'spec.counters.seats.amount']);
    expect(faultsOf(spec)).toEqual(fields.map((field) => `FieldValueTypeInvalid ${field}`));
  });
});

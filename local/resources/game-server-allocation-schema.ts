import { fields, flag, integer, listOf, mapOf, text, textMap } from './schema-parts.ts';
import type { SchemaPart } from './schema-parts.ts';

const labelSelectorFields: Readonly<Record<string, SchemaPart>> = {
  matchLabels: textMap('Labels it must have, with their values.'),
  matchExpressions: listOf(
    'Further conditions on its labels.',
    fields('One condition.', {
      key: text('The label.'),
      operator: text('In, NotIn, Exists or DoesNotExist.'),
      values: listOf('Values, for In and NotIn.', { type: 'string' }),
    }),
  ),
};

const available: Readonly<Record<string, SchemaPart>> = {
  minAvailable: integer('The least room it must have.'),
  maxAvailable: integer('The most room it may have; 0 is no limit.'),
};

const selector = fields('Conditions a GameServer must meet, all of them.', {
  ...labelSelectorFields,
  gameServerState: text('The state it is in: Ready, or Allocated to use it again.'),
  players: fields('Player tracking, which is off.', available),
  counters: mapOf(
    'Conditions on Counters.',
    fields('On one Counter.', {
      minCount: integer('The least its count may be.'),
      maxCount: integer('The most its count may be; 0 is no limit.'),
      ...available,
    }),
  ),
  lists: mapOf(
    'Conditions on Lists.',
    fields('On one List.', { containsValue: text('A value it must hold.'), ...available }),
  ),
});

const counterAction = fields('What to do to a Counter.', {
  action: text('Increment or Decrement, by the amount.'),
  amount: integer('By how much.'),
  capacity: integer('The new capacity.'),
});

const listAction = fields('What to do to a List.', {
  addValues: listOf('Values to put in.', { type: 'string' }),
  deleteValues: listOf('Values to take out.', { type: 'string' }),
  capacity: integer('The new capacity.'),
});

const address = fields('One address.', { address: text('The address.'), type: text('What it is.') });
const port = fields('One port.', { name: text('Its name.'), port: integer('Its number.') });

const status = fields('What came of it.', {
  state: text('Allocated, UnAllocated when nothing matched, or Contention when others were faster.'),
  gameServerName: text('The GameServer.'),
  ports: listOf('Its ports.', port),
  address: text('Its address.'),
  addresses: listOf('All its addresses.', address),
  nodeName: text('The Node it runs on.'),
  source: text('local, or the cluster that answered.'),
  metadata: fields('Its labels and annotations.', { labels: textMap('Labels.'), annotations: textMap('Annotations.') }),
  counters: mapOf(
    'Its Counters.',
    fields('One Counter.', { count: integer('Count.'), capacity: integer('Capacity.') }),
  ),
  lists: mapOf(
    'Its Lists.',
    fields('One List.', { capacity: integer('Capacity.'), values: listOf('Values.', { type: 'string' }) }),
  ),
});

/** `spec` of a GameServerAllocation: types only, as its rules are of another kind. */
export const gameServerAllocationSpecSchema: SchemaPart = fields('Which GameServer is wanted, and what to do to it.', {
  selectors: listOf('Selectors in order: a later one counts when no GameServer meets an earlier one.', selector),
  required: { ...selector, description: 'The last selector, when there are no selectors. Use selectors.' },
  preferred: listOf('Selectors before the required one, when there are no selectors. Use selectors.', selector),
  priorities: listOf(
    'Which of the GameServers that match comes first, by the room in their Counters and Lists.',
    fields('One thing to sort by; earlier ones count more.', {
      type: text('Counter or List.'),
      key: text('Name of the Counter or List.'),
      order: text('Ascending: those with less room first. Descending: those with more.'),
    }),
  ),
  scheduling: text('Packed, which fills Nodes up, or Distributed.'),
  metadata: fields('What to put on the GameServer.', {
    labels: textMap('Labels.'),
    annotations: textMap('Annotations.'),
  }),
  counters: mapOf('What to do to Counters, by name.', counterAction),
  lists: mapOf('What to do to Lists, by name.', listAction),
  multiClusterSetting: fields('Allocation in several clusters.', {
    enabled: flag('Whether to use the policies.'),
    policySelector: fields('Which policies.', labelSelectorFields),
  }),
});

/** A GameServerAllocation. */
export const gameServerAllocationSchema: SchemaPart = fields(
  'A GameServerAllocation: asks for one GameServer. It is answered and not stored.',
  { spec: gameServerAllocationSpecSchema, status },
);

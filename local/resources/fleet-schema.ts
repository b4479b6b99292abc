import { gameServerSpecSchema, schedulingSchema } from './game-server-schema.ts';
import {
  NULLABLE,
  fields,
  integer,
  integerOrText,
  listOf,
  mapOf,
  templateMetadata,
  text,
  textMap,
} from './schema-parts.ts';
import type { SchemaPart } from './schema-parts.ts';

const NOT_NEGATIVE: SchemaPart = { minimum: 0 };

const replicas = integer('How many GameServers there are to be.', NOT_NEGATIVE);

const allocationOverflow = fields(
  'What to put on Allocated GameServers that are more than the wanted number.',
  { labels: textMap('Labels.'), annotations: textMap('Annotations.') },
  NULLABLE,
);

function prioritiesSchema(order: SchemaPart): SchemaPart {
  return listOf(
    'Which GameServers go first when there are too many, by the room in their Counters and Lists.',
    fields('One thing to sort by; earlier ones count more.', {
      type: text('Whether the key is a Counter or a List.', { enum: ['Counter', 'List'] }),
      key: text('Name of the Counter or List.'),
      order: text('Ascending: those with less room go first. Descending: those with more.', {
        enum: ['Ascending', 'Descending'],
        ...order,
      }),
    }),
    NULLABLE,
  );
}

const template = fields(
  'The GameServer to make.',
  { metadata: templateMetadata('Labels and annotations of the GameServers.'), spec: gameServerSpecSchema },
  { required: ['spec'] },
);

function aggregatedMap(description: string): SchemaPart {
  return mapOf(
    description,
    fields('Sums over GameServers.', {
      allocatedCount: integer('Count over the Allocated ones.', NOT_NEGATIVE),
      allocatedCapacity: integer('Capacity over the Allocated ones.', NOT_NEGATIVE),
      count: integer('Count over all.', { default: 0, ...NOT_NEGATIVE }),
      capacity: integer('Capacity over all.', NOT_NEGATIVE),
    }),
    { maxProperties: 1000, ...NULLABLE },
  );
}

const countsOfStates: Readonly<Record<string, SchemaPart>> = {
  replicas: integer('GameServers that are not being deleted.', NOT_NEGATIVE),
  readyReplicas: integer('GameServers that are Ready.', NOT_NEGATIVE),
  reservedReplicas: integer('GameServers that are Reserved.', NOT_NEGATIVE),
  allocatedReplicas: integer('GameServers that are Allocated.', NOT_NEGATIVE),
  players: fields(
    'Sums of player tracking, which is off.',
    { count: integer('Players.', NOT_NEGATIVE), capacity: integer('Room for players.', NOT_NEGATIVE) },
    NULLABLE,
  ),
  counters: aggregatedMap('Sums of Counters by name.'),
  lists: aggregatedMap('Sums of Lists by name.'),
};

/** A Fleet. */
export const fleetSchema: SchemaPart = fields('A Fleet: a number of GameServers that are alike and kept warm.', {
  spec: fields(
    'The GameServers that are wanted.',
    {
      replicas,
      allocationOverflow,
      scheduling: schedulingSchema,
      strategy: fields('How a change of the template reaches the GameServers.', {
        type: text('RollingUpdate replaces them bit by bit, Recreate all at once.', {
          enum: ['Recreate', 'RollingUpdate'],
        }),
        rollingUpdate: fields(
          'The steps of a RollingUpdate.',
          {
            maxSurge: integerOrText('How many more than wanted there may be meanwhile, as a number or a percentage.'),
            maxUnavailable: integerOrText('How many fewer there may be meanwhile, as a number or a percentage.'),
          },
          NULLABLE,
        ),
      }),
      priorities: prioritiesSchema({ default: 'Ascending' }),
      template,
    },
    { required: ['template'] },
  ),
  status: fields('The GameServers that there are.', countsOfStates),
});

/** A GameServerSet. */
export const gameServerSetSchema: SchemaPart = fields('A GameServerSet: the GameServers of one template of a Fleet.', {
  spec: fields(
    'The GameServers that are wanted.',
    { replicas, allocationOverflow, scheduling: schedulingSchema, priorities: prioritiesSchema({}), template },
    { required: ['replicas', 'template'] },
  ),
  status: fields('The GameServers that there are.', {
    ...countsOfStates,
    shutdownReplicas: integer('GameServers that are Shutdown.', NOT_NEGATIVE),
  }),
});

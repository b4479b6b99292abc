import { GAME_SERVER_STATES } from '../../lib/agones.ts';
import { podTemplateSchema } from './pod-template-schema.ts';
import { NULLABLE, fields, flag, integer, listOf, mapOf, text } from './schema-parts.ts';
import type { SchemaPart } from './schema-parts.ts';

/** How many values a List can have at most, and so its greatest capacity: the `gameservers.lists.maxItems` of an install. */
export const MAX_LIST_ITEMS = 1000;

const MAX_MAP_KEYS = 1000;
const MAX_SECONDS = 2 ** 31;
const PORT: SchemaPart = { minimum: 1, maximum: 65_535 };
const NOT_NEGATIVE: SchemaPart = { minimum: 0 };

/** The strategies of `scheduling`, in a GameServer, a set and a Fleet. */
export const schedulingSchema = text('How GameServers are put on Nodes: close together or spread.', {
  enum: ['Packed', 'Distributed'],
});

const countersSchema = mapOf(
  'Counters by name. The names stay as they are for the life of the GameServer.',
  fields('A number that goes up and down to a limit.', {
    count: integer('Where it stands.', { default: 0, ...NOT_NEGATIVE }),
    capacity: integer('The most it can be.', { default: 1000, ...NOT_NEGATIVE }),
  }),
  { maxProperties: MAX_MAP_KEYS, ...NULLABLE },
);

const listsSchema = mapOf(
  'Lists by name. The names stay as they are for the life of the GameServer.',
  fields('A set of values up to a limit.', {
    capacity: integer('How many values it can have.', { default: 1000, maximum: MAX_LIST_ITEMS, ...NOT_NEGATIVE }),
    values: listOf(
      'The values, each once.',
      { type: 'string' },
      { default: [], maxItems: MAX_LIST_ITEMS, 'x-kubernetes-list-type': 'set' },
    ),
  }),
  { maxProperties: MAX_MAP_KEYS, ...NULLABLE },
);

const evictionSchema = fields('Whether the Pod may be moved away while it runs.', {
  safe: text('Never: it runs to its end. OnUpgrade: only when its Node is upgraded. Always: at any time.', {
    enum: ['Always', 'OnUpgrade', 'Never'],
  }),
});

const immutableReplicasSchema = integer('Always 1; lets disruption budgets count GameServers.', {
  default: 1,
  minimum: 1,
  maximum: 1,
});

const portSchema = fields('A port of the game server.', {
  name: text('Name of the port.'),
  range: text('The range a Dynamic or Passthrough port is taken from.'),
  portPolicy: text(
    'Dynamic: a free host port is picked. Static: you name the host port. ' +
      'Passthrough: as Dynamic, and the process listens on that very port. None: no host port.',
    { enum: ['Dynamic', 'Static', 'Passthrough', 'None'] },
  ),
  protocol: text('UDP unless set. TCPUDP opens one number for both.', { enum: ['UDP', 'TCP', 'TCPUDP'] }),
  container: text('The container that listens. The game server’s unless set.'),
  containerPort: integer('The port the process listens on.', PORT),
  hostPort: integer('The port players connect to. Only with Static; else it is picked.', PORT),
});

/** `spec` of a GameServer. */
export const gameServerSpecSchema: SchemaPart = fields(
  'What the GameServer runs and how it is looked after.',
  {
    template: podTemplateSchema,
    container: text('Which container is the game server, when there are several.', {
      minLength: 0,
      maxLength: 63,
      pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
    }),
    ports: listOf('Ports players connect to.', portSchema, NULLABLE),
    sdkServer: fields('The SDK server beside the game server.', {
      logLevel: text('How much it logs.', { enum: ['Error', 'Info', 'Debug', 'Trace'] }),
      grpcPort: integer('Port of its gRPC API; 9357 unless set.', PORT),
      httpPort: integer('Port of its REST API; 9358 unless set.', PORT),
    }),
    scheduling: schedulingSchema,
    health: fields('When a game server that does not ping counts as unhealthy.', {
      disabled: flag('Turns the health check off.'),
      initialDelaySeconds: integer('Seconds after the start before pings are missed.', {
        minimum: 0,
        maximum: MAX_SECONDS,
      }),
      periodSeconds: integer('Seconds in which at least one ping must come.', { minimum: 0, maximum: MAX_SECONDS }),
      failureThreshold: integer('How many periods in a row may lack one.', { minimum: 1, maximum: MAX_SECONDS }),
    }),
    players: fields(
      'Player tracking, which is off.',
      { initialCapacity: integer('How many players it can have at first.', NOT_NEGATIVE) },
      NULLABLE,
    ),
    counters: countersSchema,
    lists: listsSchema,
    eviction: evictionSchema,
    immutableReplicas: immutableReplicasSchema,
  },
  { required: ['template'] },
);

/** `status` of a GameServer. */
export const gameServerStatusSchema: SchemaPart = fields('Where the GameServer stands.', {
  state: text('Its state.', { enum: GAME_SERVER_STATES }),
  ports: listOf(
    'Ports players connect to, as they were picked.',
    fields('One port.', { name: text('Its name in the spec.'), port: integer('Its number.') }),
    NULLABLE,
  ),
  address: text('The address players connect to.'),
  addresses: listOf(
    'All addresses of the Node and the Pod.',
    fields('One address.', { address: text('The address.'), type: text('What it is, e.g. InternalIP.') }),
    NULLABLE,
  ),
  nodeName: text('The Node it runs on.'),
  reservedUntil: text('When a reservation ends.', { format: 'date-time', ...NULLABLE }),
  players: fields(
    'Player tracking, which is off.',
    {
      count: integer('How many players there are.'),
      capacity: integer('How many there can be.'),
      ids: listOf('Who they are.', { type: 'string' }, NULLABLE),
    },
    NULLABLE,
  ),
  counters: countersSchema,
  lists: listsSchema,
  eviction: evictionSchema,
  immutableReplicas: immutableReplicasSchema,
});

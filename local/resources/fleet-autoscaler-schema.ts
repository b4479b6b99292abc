import { NULLABLE, fields, flag, integer, integerOrText, listOf, text, textMap } from './schema-parts.ts';
import type { SchemaPart } from './schema-parts.ts';

const NOT_NEGATIVE: SchemaPart = { minimum: 0 };

const endpointSchema = fields(
  'An HTTP endpoint, by its URL or as a Service.',
  {
    url: text('The whole URL.'),
    service: fields(
      'A Service of the cluster.',
      {
        namespace: text('Its namespace.'),
        name: text('Its name.'),
        path: text('The path to call.'),
        port: integer('The port to call; 8000 unless set.'),
      },
      { required: ['namespace', 'name'] },
    ),
    caBundle: text('Certificates to trust, PEM in base64.', { format: 'byte' }),
  },
  NULLABLE,
);

const bufferSchema = fields(
  'Keeps a number of GameServers warm.',
  {
    minReplicas: integer('The fewest the Fleet may have.', NOT_NEGATIVE),
    maxReplicas: integer('The most the Fleet may have.', { minimum: 1 }),
    bufferSize: integerOrText('How many to keep that are not Allocated, as a number or a percentage.'),
  },
  { required: ['maxReplicas'], ...NULLABLE },
);

function capacitySchema(what: string): SchemaPart {
  return fields(
    `Keeps room in a ${what} over the whole Fleet.`,
    {
      key: text(`Name of the ${what}.`),
      minCapacity: integer('The least capacity the Fleet may have.', NOT_NEGATIVE),
      maxCapacity: integer('The most capacity the Fleet may have.', { minimum: 1 }),
      bufferSize: integerOrText('How much room to keep, as a number or a percentage.'),
    },
    { required: ['key', 'bufferSize', 'maxCapacity'], ...NULLABLE },
  );
}

const wasmSchema = fields(
  'Asks a WebAssembly module, which is off.',
  {
    function: text('The function to call.', { default: 'scale' }),
    config: textMap('What the module is given at its start.'),
    from: fields('Where the module is.', { url: endpointSchema }, { required: ['url'] }),
    hash: text('SHA-256 of the module, as hexadecimal digits.', { pattern: '^[a-fA-F0-9]{64}$' }),
  },
  { required: ['from'], ...NULLABLE },
);

const SIMPLE_TYPES = ['Buffer', 'Webhook', 'Counter', 'List', 'Wasm'];

const simplePolicies: Readonly<Record<string, SchemaPart>> = {
  buffer: bufferSchema,
  webhook: endpointSchema,
  counter: capacitySchema('Counter'),
  list: capacitySchema('List'),
  wasm: wasmSchema,
};

function typeSchema(choices: readonly string[]): SchemaPart {
  return text('Which policy decides; its settings are in the field of its name.', { enum: choices });
}

const scheduleSchema = fields(
  'Applies a policy at certain times.',
  {
    between: fields(
      'The time in which it can apply at all.',
      { start: text('From when on, RFC 3339.'), end: text('Until when, RFC 3339.') },
      NULLABLE,
    ),
    activePeriod: fields(
      'When it applies, again and again.',
      {
        timezone: text('Time zone of the cron expression, e.g. Europe/Berlin; UTC unless set.'),
        startCron: text('Cron expression of the starts; always unless set.'),
        duration: text('For how long, e.g. 2h45m; until the end unless set.'),
      },
      NULLABLE,
    ),
    policy: fields(
      'The policy to apply.',
      { type: typeSchema(SIMPLE_TYPES), ...simplePolicies },
      { required: ['type'] },
    ),
  },
  { required: ['policy'], ...NULLABLE },
);

const chainSchema = listOf(
  'Policies in order; the first that can decide does.',
  fields(
    'One policy.',
    {
      id: text('Its name in the chain.'),
      type: typeSchema([...SIMPLE_TYPES, 'Schedule']),
      ...simplePolicies,
      schedule: scheduleSchema,
    },
    { required: ['type'], ...NULLABLE },
  ),
  NULLABLE,
);

/** A FleetAutoscaler. */
export const fleetAutoscalerSchema: SchemaPart = fields('A FleetAutoscaler: sets the replicas of a Fleet as needed.', {
  spec: fields(
    'Which Fleet, and how.',
    {
      fleetName: text('The Fleet, in the same namespace.', {
        minLength: 1,
        maxLength: 63,
        pattern: '^[a-z0-9]([-\\.a-z0-9]*[a-z0-9])?$',
      }),
      policy: fields(
        'How many replicas there should be.',
        {
          type: typeSchema([...SIMPLE_TYPES, 'Schedule', 'Chain']),
          ...simplePolicies,
          schedule: scheduleSchema,
          chain: chainSchema,
        },
        { required: ['type'] },
      ),
      sync: fields(
        'When it is worked out.',
        {
          type: text('Only FixedInterval.', { enum: ['FixedInterval'] }),
          fixedInterval: fields(
            'Again and again.',
            {
              seconds: integer('Seconds from one time to the next; 30 unless set.', {
                minimum: 0,
                exclusiveMinimum: true,
              }),
            },
            { required: ['seconds'], ...NULLABLE },
          ),
        },
        { required: ['type'] },
      ),
    },
    { required: ['fleetName', 'policy'] },
  ),
  status: fields('What it did last.', {
    currentReplicas: integer('Replicas the Fleet had.'),
    desiredReplicas: integer('Replicas it should have.'),
    lastScaleTime: text('When its number was changed last.', { format: 'date-time', ...NULLABLE }),
    ableToScale: flag('Whether a number could be worked out.'),
    scalingLimited: flag('Whether a limit of the policy was reached.'),
    lastAppliedPolicy: text('The policy that decided.', { default: '' }),
  }),
});

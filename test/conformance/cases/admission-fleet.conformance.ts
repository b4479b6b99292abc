import type { Fleet } from '../../../lib/agones.ts';
import type { Answer } from '../harness/api-client.ts';
import { invalid, refusalIn } from '../harness/refusals.ts';
import { PATHS, RUN_LABEL } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';

const cluster = useCluster();

const containers = [{ name: 'game', image: 'localhost/game:1', imagePullPolicy: 'Never', resources: {} }];
const podTemplate = { spec: { containers } };
const port = { name: 'ws', containerPort: 8000, protocol: 'TCP' };
const template = { metadata: { labels: { berth: 'north' } }, spec: { ports: [port], template: podTemplate } };

/** Asks for a Fleet that is never made. */
function asked(spec: object, metadata: object = {}): Promise<Answer> {
  return cluster.request('POST', `${PATHS.fleets}?dryRun=All`, {
    apiVersion: 'agones.dev/v1',
    kind: 'Fleet',
    metadata: { name: cluster.name('asked'), labels: { [RUN_LABEL]: cluster.run }, ...metadata },
    spec: { replicas: 2, template, ...spec },
  });
}

const rolling = (rollingUpdate: object) => ({ strategy: { type: 'RollingUpdate', rollingUpdate } });
const gameServer = (spec: object) => ({ template: { ...template, spec: { ...template.spec, ...spec } } });

describe('a Fleet as admission leaves it', () => {
  it('has every default, and a template that has not', async () => {
    const { status, body } = await asked({ priorities: [] });
    expect(status).toBe(201);
    expect(body.spec).toEqual({
      replicas: 2,
      scheduling: 'Packed',
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
      template: {
        metadata: { creationTimestamp: null, labels: { berth: 'north' } },
        spec: {
          health: {},
          immutableReplicas: 1,
          ports: [port],
          sdkServer: {},
          template: { metadata: { creationTimestamp: null }, spec: { containers } },
        },
      },
    });
    expect(body.metadata).toMatchObject({
      generation: 1,
      annotations: { 'agones.dev/sdk-version': expect.stringMatching(/^1\.57\./) },
    });
    expect(body.metadata.finalizers).toBeUndefined();
    expect(body.status).toBeUndefined();
  });

  it('has no GameServers where no number was said', async () => {
    expect((await asked({ replicas: undefined })).body.spec.replicas).toBe(0);
  });

  it('has no steps with Recreate, and both with one of them said', async () => {
    expect((await asked({ strategy: { type: 'Recreate' } })).body.spec.strategy).toEqual({ type: 'Recreate' });
    expect((await asked(rolling({ maxSurge: 1 }))).body.spec.strategy.rollingUpdate).toEqual({
      maxSurge: 1,
      maxUnavailable: '25%',
    });
    expect((await asked({ strategy: { rollingUpdate: { maxUnavailable: '10%' } } })).body.spec.strategy).toEqual({
      type: 'RollingUpdate',
      rollingUpdate: { maxSurge: '25%', maxUnavailable: '10%' },
    });
  });

  it('sorts by Ascending where no order was said', async () => {
    const { body } = await asked({ priorities: [{ type: 'List', key: 'players' }] });
    expect(body.spec.priorities).toEqual([{ type: 'List', key: 'players', order: 'Ascending' }]);
  });

  it('keeps what marks an overflow', async () => {
    const allocationOverflow = { labels: { drain: 'yes' }, annotations: { 'regatta.dev/why': 'scaled down' } };
    expect((await asked({ allocationOverflow })).body.spec.allocationOverflow).toEqual(allocationOverflow);
  });

  it('has no status, whatever was sent', async () => {
    const { status, body } = await cluster.request('POST', `${PATHS.fleets}?dryRun=All`, {
      apiVersion: 'agones.dev/v1',
      kind: 'Fleet',
      metadata: { name: cluster.name('asked') },
      spec: { replicas: 1, template },
      status: { replicas: 7, readyReplicas: 7 },
    });
    expect([status, body.status]).toEqual([201, undefined]);
  });

  it.each([
    ['a container in the template that is not there', gameServer({ container: 'nope' })],
    ['a port range that is not there', gameServer({ ports: [{ ...port, range: 'nope' }] })],
    ['a health period of 0 in the template', gameServer({ health: { periodSeconds: 0 } })],
    ['a priority with an empty key', { priorities: [{ type: 'Counter', key: '', order: 'Ascending' }] }],
    ['a priority by a Counter that no GameServer has', { priorities: [{ type: 'Counter', key: 'none' }] }],
    ['steps larger than the Fleet', rolling({ maxSurge: 100, maxUnavailable: 100 })],
    [
      'steps with Recreate that would be refused without',
      { strategy: { type: 'Recreate', rollingUpdate: { maxSurge: 0 } } },
    ],
    ['an empty overflow', { allocationOverflow: {} }],
    ['no overflow by null', { allocationOverflow: null }],
  ])('is made in spite of %s', async (_what, spec) => {
    expect((await asked(spec)).status).toBe(201);
  });
});

describe('a Fleet is refused', () => {
  it.each([
    [
      'with fewer than no GameServers',
      { replicas: -1 },
      invalid(['FieldValueInvalid', 'spec.replicas'], ['FieldValueInvalid', '.spec.replicas']),
    ],
    [
      'with a number of GameServers that is text',
      { replicas: 'two' },
      invalid(['FieldValueTypeInvalid', 'spec.replicas'], ['FieldValueInvalid', '.spec.replicas']),
    ],
    [
      'with a strategy that is none',
      { strategy: { type: 'Slowly' } },
      invalid(['FieldValueNotSupported', 'spec.strategy.type']),
    ],
    [
      'with a scheduling that is none',
      { scheduling: 'Sideways' },
      invalid(['FieldValueNotSupported', 'spec.scheduling']),
    ],
    [
      'with a priority that says neither Counter nor List',
      { priorities: [{ key: 'rooms' }] },
      invalid(['FieldValueNotSupported', 'spec.priorities[0].type']),
    ],
    [
      'with an order that is none',
      { priorities: [{ type: 'Counter', key: 'rooms', order: 'Upwards' }] },
      invalid(['FieldValueNotSupported', 'spec.priorities[0].order']),
    ],
    [
      'with both steps wrong',
      rolling({ maxSurge: '0%', maxUnavailable: 'x' }),
      invalid(
        ['FieldValueInvalid', 'spec.strategy.rollingUpdate.maxSurge'],
        ['FieldValueInvalid', 'spec.strategy.rollingUpdate.maxUnavailable'],
      ),
    ],
    [
      'with labels for an overflow that are none',
      { allocationOverflow: { labels: { drain: 'not ok!' } } },
      invalid(['FieldValueInvalid', 'spec.allocationOverflow.labels']),
    ],
    [
      'with annotations for an overflow that are none',
      { allocationOverflow: { annotations: { 'not ok!': 'x' } } },
      invalid(['FieldValueInvalid', 'spec.allocationOverflow.annotations']),
    ],
    [
      'with a label in the template that is none',
      { template: { ...template, metadata: { labels: { berth: 'not ok!' } } } },
      invalid(['FieldValueInvalid', 'spec.template.metadata.labels']),
    ],
    [
      'with an annotation in the template that is none',
      { template: { ...template, metadata: { annotations: { 'not ok!': 'x' } } } },
      invalid(['FieldValueInvalid', 'spec.template.metadata.annotations']),
    ],
    [
      'with two containers in the template and none named',
      gameServer({ template: { spec: { containers: [...containers, { ...containers[0], name: 'other' }] } } }),
      invalid(
        ['FieldValueRequired', 'spec.template.spec.container'],
        ['FieldValueInvalid', 'spec.template.spec.container'],
      ),
    ],
    [
      'with a hostPort for a Dynamic port in the template',
      gameServer({ ports: [{ ...port, portPolicy: 'Dynamic', hostPort: 7001 }] }),
      invalid(['FieldValueForbidden', 'spec.template.spec.ports[0].hostPort']),
    ],
    [
      'with a port policy in the template that is none',
      gameServer({ ports: [{ ...port, portPolicy: 'Whatever' }] }),
      invalid(['FieldValueNotSupported', 'spec.template.spec.ports[0].portPolicy']),
    ],
    [
      'with a negative count in the template',
      gameServer({ counters: { rooms: { count: -1 } } }),
      invalid(['FieldValueInvalid', 'spec.template.spec.counters.rooms.count']),
    ],
    [
      'without a GameServer in the template',
      { template: {} },
      invalid(['FieldValueTypeInvalid', 'spec.template.spec.template.spec.containers']),
    ],
    [
      'without a template',
      { template: undefined },
      invalid(['FieldValueTypeInvalid', 'spec.template.spec.template.spec.containers']),
    ],
  ])('%s', async (_what, spec, refusal) => {
    expect(refusalIn(await asked(spec))).toEqual(refusal);
  });

  it.each(['maxSurge', 'maxUnavailable'])('with a %s of 0, below 0, 0%%, 100%% or no percentage', async (step) => {
    for (const value of [0, -1, '0%', '-5%', '100%', '100', '2.5%', ' 25%', 'x', '', '%']) {
      expect([value, refusalIn(await asked(rolling({ [step]: value })))]).toEqual([
        value,
        invalid(['FieldValueInvalid', `spec.strategy.rollingUpdate.${step}`]),
      ]);
    }
    // Text is a percentage with and without its sign, wherever that is.
    for (const value of [1, '1%', '99%', '25', '+25%', '025%', '%25', '2%5']) {
      expect([value, (await asked(rolling({ [step]: value }))).status]).toEqual([value, 201]);
    }
  });

  it('by a name of more than 63 characters, or with capitals', async () => {
    expect((await asked({}, { name: 'b'.repeat(63) })).status).toBe(201);
    expect(refusalIn(await asked({}, { name: 'b'.repeat(64) }))).toEqual(
      invalid(['FieldValueTooLong', 'metadata.name']),
    );
    expect(refusalIn(await asked({}, { name: 'Bad' }))).toEqual(invalid(['FieldValueInvalid', 'metadata.name']));
  });
});

describe('a change of a Fleet', () => {
  let path: string;

  beforeAll(async () => {
    const { metadata } = await cluster.createFleet(cluster.name('changed'), {
      replicas: 0,
      template: cluster.devTemplate(),
    });
    path = `${PATHS.fleets}/${metadata.name}`;
    await cluster.fleetSettled(metadata.name, 0);
  });

  const current = async () => (await cluster.request('GET', path)).body as Fleet;

  it.each([
    [
      'of its steps',
      rolling({ maxSurge: '0%' }),
      invalid(['FieldValueInvalid', 'spec.strategy.rollingUpdate.maxSurge']),
    ],
    ['of its strategy', { strategy: { type: 'Slowly' } }, invalid(['FieldValueNotSupported', 'spec.strategy.type'])],
    ['of its scheduling', { scheduling: 'Sideways' }, invalid(['FieldValueNotSupported', 'spec.scheduling'])],
    [
      'of its number',
      { replicas: -1 },
      invalid(['FieldValueInvalid', 'spec.replicas'], ['FieldValueInvalid', '.spec.replicas']),
    ],
    [
      'of its template',
      { template: { spec: { ports: [{ ...port, portPolicy: 'Dynamic', hostPort: 7001 }] } } },
      invalid(['FieldValueForbidden', 'spec.template.spec.ports[0].hostPort']),
    ],
    [
      'of the labels in its template',
      { template: { metadata: { labels: { berth: 'not ok!' } } } },
      invalid(['FieldValueInvalid', 'spec.template.metadata.labels']),
    ],
    [
      'of its overflow',
      { allocationOverflow: { labels: { drain: 'not ok!' } } },
      invalid(['FieldValueInvalid', 'spec.allocationOverflow.labels']),
    ],
    ['that takes its template away', { template: null }, invalid(['FieldValueRequired', 'spec.template'])],
  ])('%s is refused as at its making, and changes nothing', async (_what, spec, refusal) => {
    const { spec: before } = await current();
    expect(refusalIn(await cluster.request('PATCH', path, { spec }))).toEqual(refusal);
    expect((await current()).spec).toEqual(before);
  });

  it('brings no defaults: one that takes the strategy away is refused', async () => {
    const { spec: before } = await current();
    expect(refusalIn(await cluster.request('PATCH', path, { spec: { strategy: null } }))).toEqual(
      invalid(['FieldValueNotSupported', 'spec.strategy.type']),
    );
    // Without steps there is nothing that could be validated; how that is refused is not worth a contract.
    const stepless = await cluster.request('PATCH', path, { spec: { strategy: { rollingUpdate: null } } });
    expect(stepless.status).toBeGreaterThanOrEqual(400);
    expect((await current()).spec).toEqual(before);
  });

  it('of its spec counts a generation; one of its labels does not', async () => {
    const { metadata } = await current();
    const scheduled = await cluster.patched<Fleet>(path, { spec: { scheduling: 'Distributed' } });
    expect(scheduled.metadata.generation).toBe((metadata.generation ?? 0) + 1);
    const labelled = await cluster.patched<Fleet>(path, { metadata: { labels: { berth: 'north' } } });
    expect(labelled.metadata.generation).toBe(scheduled.metadata.generation);
  });
});

import { invalid, refusalIn } from '../harness/refusals.ts';
import { PATHS, RUN_LABEL } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';

const cluster = useCluster();

const containers = [{ name: 'game', image: 'localhost/game:1', imagePullPolicy: 'Never' }];
const template = { spec: { containers } };
const port = { name: 'ws', containerPort: 8000, protocol: 'TCP' };

/** Asks for a GameServer that is never made. */
async function asked(spec: object, metadata: object = {}) {
  return cluster.request('POST', `${PATHS.gameservers}?dryRun=All`, {
    apiVersion: 'agones.dev/v1',
    kind: 'GameServer',
    metadata: { name: cluster.name('asked'), labels: { [RUN_LABEL]: cluster.run }, ...metadata },
    spec: { template, ...spec },
  });
}

describe('a GameServer as admission leaves it', () => {
  it('has every default', async () => {
    const { status, body } = await asked({ ports: [{ name: 'ws', containerPort: 8000 }] });
    expect(status).toBe(201);
    expect(body.spec).toMatchObject({
      container: 'game',
      eviction: { safe: 'Never' },
      health: { failureThreshold: 3, initialDelaySeconds: 5, periodSeconds: 5 },
      immutableReplicas: 1,
      ports: [
        {
          container: 'game',
          containerPort: 8000,
          name: 'ws',
          portPolicy: 'Dynamic',
          protocol: 'UDP',
          range: 'default',
        },
      ],
      scheduling: 'Packed',
      sdkServer: { grpcPort: 9357, httpPort: 9358, logLevel: 'Info' },
    });
    expect(body.status).toEqual({
      address: '',
      addresses: null,
      eviction: { safe: 'Never' },
      immutableReplicas: 1,
      nodeName: '',
      players: null,
      ports: null,
      reservedUntil: null,
      state: 'PortAllocation',
    });
    expect(body.metadata.finalizers).toEqual(['agones.dev/controller']);
    expect(body.metadata.annotations['agones.dev/sdk-version']).toMatch(/^1\.57\./);
    expect(body.metadata.generation).toBe(1);
  });

  it('with no port to find is at Creating', async () => {
    const none = await asked({ ports: [{ name: 'ws', portPolicy: 'None', containerPort: 8000 }] });
    const fixed = await asked({ ports: [{ ...port, portPolicy: 'Static', hostPort: 7999 }] });
    const portless = await asked({});
    expect([none, fixed, portless].map(({ body }) => body.status.state)).toEqual(['Creating', 'Creating', 'Creating']);
  });

  it('keeps health that is switched off without numbers', async () => {
    expect((await asked({ health: { disabled: true } })).body.spec.health).toEqual({ disabled: true });
  });

  it('has its counters and lists in the status, with capacity 1000 where none was said', async () => {
    const { body } = await asked({
      counters: { rooms: { count: 1, capacity: 5 }, bare: {} },
      lists: { players: { capacity: 3, values: ['a'] }, bare: {} },
    });
    expect(body.status.counters).toEqual({ rooms: { count: 1, capacity: 5 }, bare: { count: 0, capacity: 1000 } });
    expect(body.status.lists).toEqual({
      players: { capacity: 3, values: ['a'] },
      bare: { capacity: 1000, values: [] },
    });
    expect(body.spec.counters).toEqual(body.status.counters);
  });

  it('takes its eviction into the status', async () => {
    const { body } = await asked({ eviction: { safe: 'OnUpgrade' } });
    expect(body.status.eviction).toEqual({ safe: 'OnUpgrade' });
  });

  it.each([
    ['a container that is not there', { container: 'nope' }],
    ['a port range that is not there', { ports: [{ ...port, range: 'nope' }] }],
    ['a health period of 0', { health: { periodSeconds: 0 } }],
    ['a negative failure threshold', { health: { failureThreshold: -1 } }],
    ['a count above its capacity', { counters: { c: { count: 5, capacity: 1 } } }],
    ['one port for gRPC and REST', { sdkServer: { grpcPort: 9358, httpPort: 9358 } }],
  ])('is made in spite of %s', async (_what, spec) => {
    expect((await asked(spec)).status).toBe(201);
  });
});

describe('a GameServer is refused', () => {
  it.each([
    [
      'with two containers and none named',
      { template: { spec: { containers: [{ ...containers[0] }, { ...containers[0], name: 'b' }] } } },
      invalid(['FieldValueRequired', 'spec.container'], ['FieldValueInvalid', 'spec.container']),
    ],
    [
      'without containers',
      { template: { spec: { containers: [] } } },
      invalid(['FieldValueInvalid', 'spec.container']),
    ],
    [
      'with a hostPort for a Dynamic port',
      { ports: [{ name: 'ws', portPolicy: 'Dynamic', hostPort: 7001, containerPort: 8000 }] },
      invalid(['FieldValueForbidden', 'spec.ports[0].hostPort']),
    ],
    [
      'with a Static port that has no containerPort',
      { ports: [{ name: 'ws', portPolicy: 'Static', hostPort: 7001 }] },
      invalid(['FieldValueRequired', 'spec.ports[0].containerPort']),
    ],
    [
      'with a containerPort for a Passthrough port',
      { ports: [{ name: 'ws', portPolicy: 'Passthrough', containerPort: 8000 }] },
      invalid(['FieldValueRequired', 'spec.ports[0].containerPort']),
    ],
    [
      'with a port policy that is none',
      { ports: [{ ...port, portPolicy: 'Whatever' }] },
      invalid(['FieldValueNotSupported', 'spec.ports[0].portPolicy']),
    ],
    [
      'with a protocol that is none',
      { ports: [{ ...port, protocol: 'SCTPX' }] },
      invalid(['FieldValueNotSupported', 'spec.ports[0].protocol']),
    ],
    [
      'with a port above 65535',
      { ports: [{ ...port, containerPort: 70_000 }] },
      invalid(['FieldValueInvalid', 'spec.ports[0].containerPort']),
    ],
    [
      'with a list of more than 1000',
      { lists: { l: { capacity: 1001 } } },
      invalid(['FieldValueInvalid', 'spec.lists.l.capacity'], ['FieldValueInvalid', 'status.lists.l.capacity']),
    ],
    [
      'with a negative count',
      { counters: { c: { count: -1 } } },
      invalid(['FieldValueInvalid', 'spec.counters.c.count'], ['FieldValueInvalid', 'status.counters.c.count']),
    ],
    [
      'with a log level that is none',
      { sdkServer: { logLevel: 'Loud' } },
      invalid(['FieldValueNotSupported', 'spec.sdkServer.logLevel']),
    ],
  ])('%s', async (_what, spec, refusal) => {
    expect(refusalIn(await asked(spec))).toEqual(refusal);
  });

  it.each([['without a template', {}, invalid(['FieldValueTypeInvalid', 'spec.template.spec.containers'])]])(
    '%s',
    async (_what, spec, refusal) => {
      const answer = await cluster.request('POST', `${PATHS.gameservers}?dryRun=All`, {
        apiVersion: 'agones.dev/v1',
        kind: 'GameServer',
        metadata: { name: cluster.name('asked') },
        spec,
      });
      expect(refusalIn(answer)).toEqual(refusal);
    },
  );

  it.each([
    ['of 64 characters', { name: 'b'.repeat(64) }, invalid(['FieldValueTooLong', 'metadata.name'])],
    ['with capitals', { name: 'Bad' }, invalid(['FieldValueInvalid', 'metadata.name'])],
    [
      'with a label value that is none',
      { labels: { a: 'not ok!' } },
      invalid(['FieldValueInvalid', 'metadata.labels']),
    ],
  ])('by a name or label %s', async (_what, metadata, refusal) => {
    expect(refusalIn(await asked({ ports: [port] }, metadata))).toEqual(refusal);
  });
});

describe('the body of a request', () => {
  const body = () => ({
    apiVersion: 'agones.dev/v1',
    kind: 'GameServer',
    metadata: { name: cluster.name('asked') },
    spec: { template },
  });
  const dryRun = `${PATHS.gameservers}?dryRun=All`;

  it.each([
    ['that is not JSON', '{"a":'],
    ['that is an array', '[]'],
  ])('%s is a BadRequest', async (_what, text) => {
    expect(refusalIn(await cluster.request('POST', dryRun, text))).toEqual({ status: 400, reason: 'BadRequest' });
  });

  it('of another version is a BadRequest', async () => {
    const answer = await cluster.request('POST', dryRun, { ...body(), apiVersion: 'agones.dev/v9' });
    expect(refusalIn(answer)).toEqual({ status: 400, reason: 'BadRequest' });
  });

  it('that is plain text is UnsupportedMediaType', async () => {
    const answer = await cluster.request('POST', dryRun, 'x', { 'content-type': 'text/plain' });
    expect(refusalIn(answer)).toEqual({ status: 415, reason: 'UnsupportedMediaType' });
  });

  it('may be YAML', async () => {
    const text = `apiVersion: agones.dev/v1\nkind: GameServer\nmetadata:\n  name: ${cluster.name('yaml')}\nspec:\n  template:\n    spec:\n      containers:\n      - name: game\n        image: localhost/game:1\n`;
    expect((await cluster.request('POST', dryRun, text, { 'content-type': 'application/yaml' })).status).toBe(201);
  });

  it('with a field that nothing knows is dropped, warned of, or refused, as fieldValidation says', async () => {
    const odd = () => ({ ...body(), spec: { template, nonsense: 1 } });
    const ignored = await cluster.request('POST', `${dryRun}&fieldValidation=Ignore`, odd());
    expect([ignored.status, ignored.headers['warning']]).toEqual([201, undefined]);
    expect(ignored.body.spec).not.toHaveProperty('nonsense');
    const warned = await cluster.request('POST', `${dryRun}&fieldValidation=Warn`, odd());
    expect(warned.status).toBe(201);
    expect(warned.headers['warning']).toMatch(/^299 - .*spec\.nonsense/);
    const refused = await cluster.request('POST', `${dryRun}&fieldValidation=Strict`, odd());
    expect(refusalIn(refused)).toEqual({ status: 400, reason: 'BadRequest' });
  });

  it('for a namespace that is not there is NotFound', async () => {
    const answer = await cluster.request('POST', '/apis/agones.dev/v1/namespaces/nowhere/gameservers', body());
    expect(refusalIn(answer)).toEqual({ status: 404, reason: 'NotFound' });
  });

  it('that names another namespace than its path is a BadRequest', async () => {
    const answer = await cluster.request('POST', dryRun, { ...body(), metadata: { name: 'x', namespace: 'other' } });
    expect(refusalIn(answer)).toEqual({ status: 400, reason: 'BadRequest' });
  });
});

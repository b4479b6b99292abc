import { allocatableGroup } from '../harness/allocatable-group.ts';
import { invalid, refusalIn } from '../harness/refusals.ts';
import { PATHS, RUN_LABEL } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';

const cluster = useCluster();

const POLICY = { apiVersion: 'multicluster.agones.dev/v1', kind: 'GameServerAllocationPolicy' };
const CASE_LABEL = 'regatta.dev/policies';

interface Connection {
  clusterName?: string;
  namespace: string;
  allocationEndpoints?: string[];
  secretName?: string;
}

/** Makes policies, and gives the setting of a request that goes by them and no others. */
async function policies(...specs: { priority: number; weight: number; connectionInfo?: Connection }[]) {
  const labels = { [CASE_LABEL]: cluster.name('policies') };
  for (const spec of specs) {
    const metadata = { name: cluster.name('policy'), labels: { ...labels, [RUN_LABEL]: cluster.run } };
    await cluster.created(PATHS.gameserverallocationpolicies, { ...POLICY, metadata, spec });
  }
  return { enabled: true, policySelector: { matchLabels: labels } };
}

/** Whether the policies are known already is seen by nothing else: the error that there are none goes away. */
const answered = (spec: object) =>
  cluster.eventually('an answer of a cluster', async () => {
    const answer = await cluster.allocate(spec);
    return answer.status === 500 && /no multi-cluster allocation policy/.test(answer.text) ? undefined : answer;
  });

describe('a GameServerAllocationPolicy', () => {
  const asked = (spec: object | undefined, metadata: object = {}) =>
    cluster.request('POST', `${PATHS.gameserverallocationpolicies}?dryRun=All`, {
      ...POLICY,
      metadata: { name: cluster.name('asked'), ...metadata },
      ...(spec === undefined ? {} : { spec }),
    });

  it('is an object like any other: made, read, listed, changed, replaced and deleted', async () => {
    const name = cluster.name('policy');
    const path = `${PATHS.gameserverallocationpolicies}/${name}`;
    const metadata = { name, labels: { [RUN_LABEL]: cluster.run, [CASE_LABEL]: name } };
    const spec = {
      priority: 1,
      weight: 200,
      connectionInfo: {
        clusterName: 'west',
        namespace: 'games',
        allocationEndpoints: ['west.example:443'],
        secretName: 'west',
        serverCa: 'AAAA',
      },
    };
    const made = await cluster.request('POST', PATHS.gameserverallocationpolicies, { ...POLICY, metadata, spec });
    expect([made.status, made.body.spec, made.body.metadata.generation]).toEqual([201, spec, 1]);
    const again = await cluster.request('POST', PATHS.gameserverallocationpolicies, { ...POLICY, metadata, spec });
    expect(refusalIn(again)).toEqual({ status: 409, reason: 'AlreadyExists' });
    const list = `${PATHS.gameserverallocationpolicies}?labelSelector=${CASE_LABEL}%3D${name}`;
    expect(await cluster.listed(list)).toMatchObject([{ metadata: { name }, spec }]);
    const patched = await cluster.patched<{ metadata: object }>(path, { spec: { weight: 0 } });
    expect(patched).toMatchObject({ metadata: { generation: 2 }, spec: { ...spec, weight: 0 } });
    const replaced = { ...POLICY, metadata: { ...patched.metadata }, spec: { priority: 0, weight: 1 } };
    expect((await cluster.request('PUT', path, replaced)).body.spec).toEqual({ priority: 0, weight: 1 });
    const stale = await cluster.request('PUT', path, replaced);
    expect(refusalIn(stale)).toEqual({ status: 409, reason: 'Conflict' });
    expect((await cluster.request('DELETE', path)).status).toBe(200);
    expect(refusalIn(await cluster.request('GET', path))).toEqual({ status: 404, reason: 'NotFound' });
  });

  it.each<[string, object, [reason: string, field: string][]]>([
    [
      'nothing',
      {},
      [
        ['FieldValueRequired', 'spec.priority'],
        ['FieldValueRequired', 'spec.weight'],
      ],
    ],
    [
      'numbers below 0',
      { priority: -1, weight: -1 },
      [
        ['FieldValueInvalid', 'spec.priority'],
        ['FieldValueInvalid', 'spec.weight'],
      ],
    ],
    [
      'no whole numbers',
      { priority: '1', weight: 1.5 },
      [
        ['FieldValueTypeInvalid', 'spec.priority'],
        ['FieldValueTypeInvalid', 'spec.weight'],
      ],
    ],
    [
      'a cluster without a namespace',
      { priority: 1, weight: 1, connectionInfo: {} },
      [['FieldValueRequired', 'spec.connectionInfo.namespace']],
    ],
    [
      'an empty list of endpoints',
      { priority: 1, weight: 1, connectionInfo: { namespace: 'x', allocationEndpoints: [] } },
      [['FieldValueInvalid', 'spec.connectionInfo.allocationEndpoints']],
    ],
    [
      'certificates that are no base64',
      { priority: 1, weight: 1, connectionInfo: { namespace: 'x', serverCa: '!!' } },
      [['FieldValueTypeInvalid', 'spec.connectionInfo.serverCa']],
    ],
  ])('is refused for %s', async (_what, spec, causes) => {
    expect(refusalIn(await asked(spec))).toEqual(invalid(...causes));
  });

  it.each<[string, object | undefined]>([
    ['no spec at all', undefined],
    ['no cluster', { priority: 1, weight: 1 }],
    ['a number that is too great for Agones', { priority: 3_000_000_000, weight: 1 }],
  ])('may have %s', async (_what, spec) => {
    expect((await asked(spec)).status).toBe(201);
  });
});

describe('an allocation over clusters', () => {
  it('is a 500 in plain text where no policy is meant by it', async () => {
    const { policySelector } = await policies();
    for (const enabled of [
      { enabled: true, policySelector },
      { enabled: true, policySelector: { matchLabels: { a: 'b c' } } },
    ]) {
      const answer = await cluster.allocate({ multiClusterSetting: enabled });
      expect([answer.status, answer.contentType]).toEqual([500, 'text/plain; charset=utf-8']);
    }
  });

  it('is one in this cluster where a policy names no endpoint, in the namespace that it names', async () => {
    const { labels, names } = await allocatableGroup(cluster, [{}]);
    const multiClusterSetting = await policies(
      { priority: 2, weight: 1, connectionInfo: { clusterName: 'here', namespace: 'default' } },
      { priority: 1, weight: 1, connectionInfo: { clusterName: 'nowhere', namespace: cluster.name('nowhere') } },
    );
    const spec = { multiClusterSetting, selectors: [{ matchLabels: labels }] };
    const { status, body } = await answered(spec);
    expect([status, body.status.state, body.status.source]).toEqual([201, 'Allocated', 'local']);
    expect(body.metadata).toMatchObject({ name: names[0], namespace: 'default' });
    expect(body.spec.multiClusterSetting).toEqual(multiClusterSetting);
  });

  it('ends with what the last cluster said: that there is nothing', async () => {
    const namespace = cluster.name('nowhere');
    const multiClusterSetting = await policies({ priority: 1, weight: 1, connectionInfo: { namespace } });
    const { status, body } = await answered({ multiClusterSetting });
    expect([status, body.status.state]).toEqual([201, 'UnAllocated']);
    expect(body.metadata.namespace).toBe(namespace);
  });

  it('ends with what the last cluster said: that it cannot be asked without the Secret', async () => {
    const namespace = cluster.name('nowhere');
    const multiClusterSetting = await policies(
      {
        priority: 2,
        weight: 1,
        connectionInfo: {
          clusterName: 'there',
          namespace,
          allocationEndpoints: ['127.0.0.1:1'],
          secretName: cluster.name('secret'),
        },
      },
      { priority: 1, weight: 1, connectionInfo: { clusterName: 'nowhere', namespace } },
    );
    const answer = await answered({ multiClusterSetting });
    expect([answer.status, answer.contentType]).toEqual([500, 'text/plain; charset=utf-8']);
  });

  it('asks a cluster once, whatever the number of its policies', async () => {
    const { labels, names } = await allocatableGroup(cluster, [{}]);
    const multiClusterSetting = await policies(
      { priority: 1, weight: 1, connectionInfo: { clusterName: 'here', namespace: cluster.name('nowhere') } },
      { priority: 2, weight: 1, connectionInfo: { clusterName: 'here', namespace: 'default' } },
    );
    const { body } = await answered({ multiClusterSetting, selectors: [{ matchLabels: labels }] });
    expect(body.status.state).toBe('UnAllocated');
    expect((await cluster.gameServer(names[0] ?? ''))?.status?.state).toBe('Ready');
  });
});

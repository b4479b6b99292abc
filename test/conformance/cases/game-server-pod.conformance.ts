import type { EnvironmentVariable } from '../../../lib/agones.ts';
import { PATHS } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';
import { puppetContainer } from '../puppet/puppet.ts';
import type { Puppet } from '../puppet/puppet.ts';

const cluster = useCluster();

/** Of most cases: they only look at it. */
let puppet: Puppet;

beforeAll(async () => {
  puppet = await cluster.puppet({ ready: true }, {}, { ...specWithTemplate() });
  await cluster.inState(puppet.name, 'Ready');
  await started(puppet.name);
});

function specWithTemplate() {
  const container = puppetContainer({ ready: true });
  return {
    sdkServer: { grpcPort: 9457, httpPort: 9458 },
    health: { initialDelaySeconds: 7, periodSeconds: 6, failureThreshold: 5 },
    template: {
      metadata: { labels: { kept: 'label' }, annotations: { kept: 'annotation' } },
      spec: {
        terminationGracePeriodSeconds: 5,
        containers: [{ ...container, env: [...(container.env ?? []), { name: 'AGONES_SDK_GRPC_PORT', value: '1' }] }],
      },
    },
  };
}

/** Waits until the Pod's status says that the game container runs: a kubelet tells it later than the game can. */
function started(name: string) {
  return cluster.eventually(`${name} runs`, async () => {
    const pod = await cluster.pod(name);
    return pod?.status?.containerStatuses?.[0]?.state?.running === undefined ? undefined : pod;
  });
}

function log(name: string, query = '') {
  return cluster.request('GET', `${PATHS.pods}/${name}/log${query}`);
}

describe('the Pod of a GameServer', () => {
  it('has its name, and is its own', async () => {
    const gameServer = await cluster.gameServer(puppet.name);
    const pod = await cluster.pod(puppet.name);
    expect(pod?.metadata.ownerReferences).toEqual([
      {
        apiVersion: 'agones.dev/v1',
        kind: 'GameServer',
        name: puppet.name,
        uid: gameServer?.metadata.uid,
        controller: true,
        blockOwnerDeletion: true,
      },
    ]);
  });

  it('has labels and annotations of Agones beside those of the template, and none of the GameServer', async () => {
    const gameServer = await cluster.gameServer(puppet.name);
    const pod = await cluster.pod(puppet.name);
    expect(pod?.metadata.labels).toEqual({
      kept: 'label',
      'agones.dev/role': 'gameserver',
      'agones.dev/gameserver': puppet.name,
      'agones.dev/safe-to-evict': 'false',
    });
    expect(pod?.metadata.annotations).toEqual({
      kept: 'annotation',
      'agones.dev/container': 'puppet',
      'agones.dev/container-passthrough-port-assignment': '{"puppet":[0]}',
      'agones.dev/sdk-version': gameServer?.metadata.annotations?.['agones.dev/sdk-version'],
      'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false',
    });
  });

  it('is never started twice, and is named as its host', async () => {
    const pod = await cluster.pod(puppet.name);
    expect(pod?.spec).toMatchObject({
      restartPolicy: 'Never',
      hostname: puppet.name,
      serviceAccountName: 'agones-sdk',
      terminationGracePeriodSeconds: 5,
    });
  });

  it('wants to be beside other GameServers, unless they are Distributed', async () => {
    const podAffinityTerm = {
      topologyKey: 'kubernetes.io/hostname',
      labelSelector: { matchLabels: { 'agones.dev/role': 'gameserver' } },
    };
    expect((await cluster.pod(puppet.name))?.spec.affinity).toEqual({
      podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm }] },
    });
    const { metadata } = await cluster.createPuppet({ pingMs: 0 }, {}, { scheduling: 'Distributed', ports: [] });
    await cluster.inState(metadata.name, 'Scheduled');
    expect((await cluster.pod(metadata.name))?.spec).not.toHaveProperty('affinity');
  });

  it.each([
    ['OnUpgrade', 'false', 'true'],
    ['Always', 'true', 'true'],
  ])('with eviction %s says so to whoever evicts', async (safe, annotation, label) => {
    const { metadata } = await cluster.createPuppet({ pingMs: 0 }, {}, { eviction: { safe }, ports: [] });
    await cluster.inState(metadata.name, 'Scheduled');
    const pod = await cluster.pod(metadata.name);
    expect(pod?.metadata.annotations?.['cluster-autoscaler.kubernetes.io/safe-to-evict']).toBe(annotation);
    expect(pod?.metadata.labels?.['agones.dev/safe-to-evict']).toBe(label);
  });

  it('tells the game the ports of the SDK, which nobody else can set', async () => {
    const pod = await cluster.pod(puppet.name);
    const env: EnvironmentVariable[] = pod?.spec.containers[0].env ?? [];
    expect(env.filter(({ name }) => name.startsWith('AGONES_'))).toEqual([
      { name: 'AGONES_SDK_GRPC_PORT', value: '9457' },
      { name: 'AGONES_SDK_HTTP_PORT', value: '9458' },
    ]);
    const { grpcPort, httpPort } = await puppet.life();
    expect(grpcPort).toBeGreaterThan(1);
    expect(httpPort).toBeGreaterThan(1);
  });

  it('asks the SDK server about the health of the game, by the three numbers of the GameServer', async () => {
    const pod = await cluster.pod(puppet.name);
    expect(pod?.spec.containers[0].livenessProbe).toMatchObject({
      httpGet: { path: '/gshealthz', port: 8080 },
      initialDelaySeconds: 7,
      periodSeconds: 6,
      failureThreshold: 5,
    });
  });

  it('leaves a livenessProbe of the template as it is, and has none where health is disabled', async () => {
    const own = { exec: { command: ['true'] }, periodSeconds: 20 };
    const [probed, disabled] = await Promise.all([
      cluster.createPuppet(
        { pingMs: 0 },
        {},
        { ports: [], template: { spec: { containers: [{ ...puppetContainer(), livenessProbe: own }] } } },
      ),
      cluster.createPuppet({ pingMs: 0 }, {}, { ports: [], health: { disabled: true } }),
    ]);
    await cluster.inState(probed.metadata.name, 'Scheduled');
    await cluster.inState(disabled.metadata.name, 'Scheduled');
    expect((await cluster.pod(probed.metadata.name))?.spec.containers[0].livenessProbe).toMatchObject(own);
    expect((await cluster.pod(disabled.metadata.name))?.spec.containers[0]).not.toHaveProperty('livenessProbe');
  });

  it('runs, on the Node and at the address that the GameServer names', async () => {
    const gameServer = await cluster.gameServer(puppet.name);
    const pod = await started(puppet.name);
    expect(pod.status).toMatchObject({ phase: 'Running', hostIP: gameServer?.status?.address });
    expect(pod.spec.nodeName).toBe(gameServer?.status?.nodeName);
    expect(pod.status.containerStatuses).toMatchObject([{ name: 'puppet', restartCount: 0, lastState: {} }]);
    expect(gameServer?.status?.addresses).toContainEqual({ type: 'PodIP', address: pod.status.podIP });
    expect(pod.status.podIPs[0]).toEqual({ ip: pod.status.podIP });
  });

  it('becomes ready', async () => {
    const ready = await cluster.eventually('the Pod is ready', async () => {
      const { status } = (await cluster.pod(puppet.name)) ?? {};
      const conditions = (status?.conditions ?? []) as { type: string; status: string }[];
      return conditions.find(({ type }) => type === 'Ready')?.status === 'True' ? status : undefined;
    });
    expect(ready.containerStatuses).toMatchObject([{ ready: true, started: true }]);
  });

  it('has a log of what the game prints', async () => {
    const { status, contentType, text } = await cluster.eventually('a line in the log', async () => {
      const answer = await log(puppet.name);
      return answer.text.includes('puppet listens') ? answer : undefined;
    });
    expect(status).toBe(200);
    expect(contentType).toContain('text/plain');
    expect(text).toBe('puppet listens\n');
  });

  it('has a log that is read in part', async () => {
    await cluster.eventually('a line in the log', async () =>
      (await log(puppet.name)).text !== '' ? true : undefined,
    );
    expect((await log(puppet.name, '?container=puppet&limitBytes=6')).text).toBe('puppet');
    expect((await log(puppet.name, '?tailLines=0')).text).toBe('');
    expect((await log(puppet.name, '?timestamps=true')).text).toMatch(
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z puppet listens\n$/,
    );
  });

  it.each([
    ['?container=nobody', 400, 'BadRequest'],
    ['?tailLines=many', 400, 'BadRequest'],
    ['?tailLines=-1', 422, 'Invalid'],
    ['?sinceSeconds=0', 422, 'Invalid'],
    ['?limitBytes=0', 422, 'Invalid'],
    ['?previous=true', 400, 'BadRequest'],
  ])('refuses to read the log with %s', async (query, status, reason) => {
    const answer = await log(puppet.name, query);
    expect(answer).toMatchObject({ status, body: { kind: 'Status', reason, code: status } });
  });

  it('has no log where there is no Pod', async () => {
    expect(await log(cluster.name('nobody'))).toMatchObject({ status: 404, body: { reason: 'NotFound' } });
  });

  it('leaves events about itself and its container', async () => {
    const events = await cluster.eventually('the container started', async () => {
      const seen = await cluster.eventsAbout(puppet.name, 'Pod');
      const own = seen.filter(({ involvedObject }) => !involvedObject.fieldPath?.includes('sidecar'));
      return own.some(({ reason }) => reason === 'Started') ? own : undefined;
    });
    expect(events.map(({ type, reason, involvedObject }) => [type, reason, involvedObject.fieldPath])).toEqual([
      ['Normal', 'Scheduled', undefined],
      ['Normal', 'Pulled', 'spec.containers{puppet}'],
      ['Normal', 'Created', 'spec.containers{puppet}'],
      ['Normal', 'Started', 'spec.containers{puppet}'],
    ]);
  });

  it('can be deleted, which ends the game and leaves the GameServer Unhealthy', async () => {
    const victim = await cluster.puppet({ ready: true });
    await cluster.inState(victim.name, 'Ready');
    const { status, body } = await cluster.request('DELETE', `${PATHS.pods}/${victim.name}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ kind: 'Pod', metadata: { name: victim.name, deletionGracePeriodSeconds: 5 } });
    await cluster.inState(victim.name, 'Unhealthy');
    expect(await cluster.pod(victim.name)).toBeUndefined();
    const events = await cluster.eventually('it was killed', async () => {
      const seen = await cluster.eventsAbout(victim.name);
      return seen.some(({ reason }) => reason === 'Unhealthy') ? seen : undefined;
    });
    expect(events.map(({ reason }) => reason)).toContain('Killing');
    expect(events.at(-1)).toMatchObject({ type: 'Warning', reason: 'Unhealthy' });
  });

  it('that is deleted keeps its GameServer Ready for as long as the game takes', async () => {
    const victim = await cluster.puppet({ ready: true });
    await victim.hold();
    await cluster.inState(victim.name, 'Ready');
    await cluster.request('DELETE', `${PATHS.pods}/${victim.name}`);
    await cluster.eventually('it heard SIGTERM', async () =>
      (await victim.life()).signals.includes('SIGTERM') ? true : undefined,
    );
    expect((await cluster.gameServer(victim.name))?.status?.state).toBe('Ready');
    expect((await cluster.pod(victim.name))?.metadata.deletionTimestamp).toBeDefined();
    await cluster.inState(victim.name, 'Unhealthy');
    expect(await cluster.pod(victim.name)).toBeUndefined();
  });
});

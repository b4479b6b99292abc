import { SDK_PROTOCOLS } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';
import type { Puppet } from '../puppet/puppet.ts';
import { puppetContainer } from '../puppet/puppet.ts';

const cluster = useCluster();

let puppet: Puppet;

beforeAll(async () => {
  puppet = await cluster.puppet(
    { ready: true },
    { labels: { wind: 'gale' }, annotations: { note: 'calm' } },
    {
      health: { initialDelaySeconds: 30, periodSeconds: 20, failureThreshold: 4 },
      counters: { rooms: { count: 1, capacity: 10 } },
      lists: { crew: { capacity: 5, values: ['ann', 'bob'] }, empty: { capacity: 0 } },
    },
  );
  await cluster.inState(puppet.name, 'Ready');
});

describe('the GameServer as its game sees it', () => {
  it.each(SDK_PROTOCOLS)('by %s is the object of the Kubernetes API', async (protocol) => {
    const { metadata, status } = await cluster.inState(puppet.name, 'Ready');
    const { value } = await cluster.sdk(puppet, protocol).getGameServer();
    expect(value).toEqual({
      name: metadata.name,
      namespace: metadata.namespace,
      uid: metadata.uid,
      resourceVersion: metadata.resourceVersion,
      generation: metadata.generation,
      creationTimestamp: Date.parse(metadata.creationTimestamp ?? '') / 1000,
      deletionTimestamp: 0,
      labels: metadata.labels,
      annotations: metadata.annotations,
      health: { disabled: false, periodSeconds: 20, failureThreshold: 4, initialDelaySeconds: 30 },
      state: 'Ready',
      address: status?.address,
      addresses: status?.addresses,
      ports: status?.ports,
      counters: { rooms: { count: 1, capacity: 10 } },
      lists: { crew: { capacity: 5, values: ['ann', 'bob'] }, empty: { capacity: 0, values: [] } },
    });
    expect(value?.labels).toMatchObject({ wind: 'gale' });
    expect(value?.annotations).toMatchObject({ note: 'calm' });
    expect(value?.addresses.map(({ type }) => type)).toContain('PodIP');
  });

  it('by REST has the names of the protocol, numbers of 64 bits as text, and nothing left out', async () => {
    const bare = await cluster.puppet({}, {}, { health: { disabled: true } });
    const { status, contentType, body } = await bare.sdk('GET', '/gameserver');
    expect([status, contentType]).toEqual([200, 'application/json']);
    const text = expect.stringMatching(/^\d+$/);
    expect(body).toEqual({
      object_meta: {
        name: bare.name,
        namespace: 'default',
        uid: expect.stringMatching(/^[-0-9a-f]{36}$/),
        resource_version: text,
        generation: text,
        creation_timestamp: text,
        deletion_timestamp: '0',
        annotations: expect.any(Object),
        labels: expect.any(Object),
      },
      spec: {
        health: { disabled: true, period_seconds: 0, failure_threshold: 0, initial_delay_seconds: 0 },
      },
      status: {
        state: 'Scheduled',
        address: expect.stringMatching(/./),
        addresses: expect.any(Array),
        ports: [{ name: 'strings', port: expect.any(Number) }],
        players: null,
        counters: {},
        lists: {},
      },
    });
  });

  it('is that of the moment: what is queued is not in it, except for Counters and Lists asked for by name', async () => {
    const sdk = cluster.grpc(puppet);
    await Promise.all([sdk.setAnnotation('later', 'x'), sdk.updateCounter('rooms', { countDiff: 1 })]);
    const { value } = await sdk.getGameServer();
    expect(value?.annotations).not.toHaveProperty(['agones.dev/sdk-later']);
    expect(value?.counters['rooms']?.count).toBe(1);
    expect((await sdk.getCounter('rooms')).value?.count).toBe(2);
    await cluster.eventually('both', async () => {
      const now = (await sdk.getGameServer()).value;
      return now?.annotations['agones.dev/sdk-later'] === 'x' && now.counters['rooms']?.count === 2 ? true : undefined;
    });
  });
});

describe('the ports of the SDK server', () => {
  it('are told to the game by AGONES_SDK_GRPC_PORT and AGONES_SDK_HTTP_PORT, whatever its template says', async () => {
    const container = puppetContainer();
    const names = ['AGONES_SDK_GRPC_PORT', 'AGONES_SDK_HTTP_PORT'];
    container.env?.push(...names.map((name) => ({ name, value: '1' })));
    const stubborn = await cluster.puppet({}, {}, { template: { spec: { containers: [container] } } });
    const { grpcPort, httpPort } = await stubborn.life();
    expect(new Set([grpcPort, httpPort, 1]).size).toBe(3);
    for (const protocol of SDK_PROTOCOLS) {
      expect((await cluster.sdk(stubborn, protocol).getGameServer()).value?.name).toBe(stubborn.name);
    }
  });

  it('are those that sdkServer names', async () => {
    const sdkServer = { grpcPort: 9457, httpPort: 9458 };
    const elsewhere = await cluster.puppet({}, {}, { sdkServer });
    const { grpcPort, httpPort } = await elsewhere.life();
    const named = { grpcPort, httpPort };
    expect(named).toEqual(
      cluster.expected('sdk-server-ports', {
        agones: sdkServer,
        local: { grpcPort: expect.any(Number), httpPort: expect.any(Number) },
      }),
    );
    for (const protocol of SDK_PROTOCOLS) {
      expect((await cluster.sdk(elsewhere, protocol).getGameServer()).value?.name).toBe(elsewhere.name);
    }
  });
});

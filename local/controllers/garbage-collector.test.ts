import type { KubernetesObject } from '../../lib/agones.ts';
import { silentLogger } from '../../lib/logger.ts';
import type { CoreEvent } from './event-recorder.ts';
import { EventRecorder } from './event-recorder.ts';
import { controlledBy } from './ownership.ts';
import type { Pod } from './pods.ts';
import { TestCluster } from './testing/test-cluster.ts';

let cluster: TestCluster;
beforeEach(() => {
  cluster = new TestCluster();
});
afterEach(() => {
  cluster.stop();
});

function createPod(name: string, owners: KubernetesObject[]): void {
  cluster.store.create<Pod>('pods', {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'default',
      ownerReferences: owners.map((owner) => ({ ...controlledBy(owner), controller: false })),
    },
    spec: { containers: [{ name: 'game', image: 'game:1' }], nodeName: 'node-1' },
  });
}

describe('what is owned', () => {
  it('goes when its last owner is gone, and until then forgets those that are', () => {
    const first = cluster.createFleet('first', { replicas: 0 });
    const second = cluster.createFleet('second', { replicas: 0 });
    createPod('owned', [first, second]);
    cluster.settle();
    cluster.store.delete('fleets', 'default', 'first');
    cluster.settle();
    const pod = cluster.store.get<Pod>('pods', 'default', 'owned');
    expect(pod.metadata.ownerReferences?.map(({ name }) => name)).toEqual(['second']);
    cluster.store.delete('fleets', 'default', 'second');
    cluster.settle();
    expect(cluster.store.find('pods', 'default', 'owned')).toBeUndefined();
  });

  it('goes when its owner never was, also when another has the name now', () => {
    const fleet = cluster.createFleet('race', { replicas: 0 });
    createPod('owned', [{ ...fleet, metadata: { ...fleet.metadata, uid: 'another' } }]);
    cluster.settle();
    expect(cluster.store.find('pods', 'default', 'owned')).toBeUndefined();
  });

  it('goes first when its owner is deleted in the foreground', () => {
    const fleet = cluster.createFleet('race', { replicas: 2 });
    cluster.settle();
    const gone: string[] = [];
    for (const resource of ['fleets', 'gameserversets', 'gameservers']) {
      cluster.store.subscribe(resource, ({ type }) => {
        if (type === 'DELETED') gone.push(resource);
      });
    }
    const deleted = cluster.store.delete('fleets', 'default', 'race', { propagationPolicy: 'Foreground' });
    expect(deleted.metadata).toMatchObject({ uid: fleet.metadata.uid, finalizers: ['foregroundDeletion'] });
    expect(deleted.metadata.deletionTimestamp).toBeDefined();
    cluster.settle();
    expect(gone).toEqual(['gameservers', 'gameservers', 'gameserversets', 'fleets']);
  });

  it('holds nobody up unless it says so', () => {
    const fleet = cluster.createFleet('race', { replicas: 0 });
    cluster.store.create<KubernetesObject>('configmaps', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name: 'kept',
        namespace: 'default',
        finalizers: ['test/kept'],
        ownerReferences: [{ ...controlledBy(fleet), blockOwnerDeletion: false }],
      },
    });
    cluster.settle();
    cluster.store.delete('fleets', 'default', 'race', { propagationPolicy: 'Foreground' });
    cluster.settle();
    expect(cluster.store.find('fleets', 'default', 'race')).toBeUndefined();
    expect(cluster.store.find('configmaps', 'default', 'kept')?.metadata.deletionTimestamp).toBeDefined();
  });
});

describe('a deletion in the foreground', () => {
  it('takes what is owned first, the owner last', () => {
    const fleet = cluster.createFleet('race', { replicas: 2 });
    cluster.settle();
    const order: string[] = [];
    for (const resource of ['fleets', 'gameserversets', 'gameservers', 'pods']) {
      cluster.store.subscribe(resource, ({ type, object }) => {
        if (type === 'DELETED') order.push(object.kind);
      });
    }
    const answer = cluster.store.delete('fleets', 'default', 'race', { propagationPolicy: 'Foreground' });
    expect(answer.metadata).toMatchObject({ uid: fleet.metadata.uid, finalizers: ['foregroundDeletion'] });
    cluster.settle();
    expect(order.slice(-2)).toEqual(['GameServerSet', 'Fleet']);
    expect(order.slice(0, -2).toSorted()).toEqual(['GameServer', 'GameServer', 'Pod', 'Pod']);
  });

  it('waits only for what says that the owner must', () => {
    const fleet = cluster.createFleet('race', { replicas: 0 });
    createPod('blocking', [fleet]);
    cluster.settleControllers();
    cluster.store.modify<Pod>('pods', 'default', 'blocking', ({ metadata }) => {
      metadata.finalizers = ['example.com/held'];
    });
    cluster.store.delete('fleets', 'default', 'race', { propagationPolicy: 'Foreground' });
    cluster.settleControllers();
    expect(cluster.store.find('fleets', 'default', 'race')).toBeDefined();
    cluster.store.modify<Pod>('pods', 'default', 'blocking', ({ metadata }) => {
      for (const owner of metadata.ownerReferences ?? []) owner.blockOwnerDeletion = false;
    });
    cluster.settleControllers();
    expect(cluster.store.find('fleets', 'default', 'race')).toBeUndefined();
    expect(cluster.store.find('pods', 'default', 'blocking')?.metadata.deletionTimestamp).toBeDefined();
  });

  it('leaves what has another owner, without the one that goes', () => {
    const [first, second] = [
      cluster.createFleet('first', { replicas: 0 }),
      cluster.createFleet('second', { replicas: 0 }),
    ];
    createPod('owned', [first, second]);
    cluster.settle();
    cluster.store.delete('fleets', 'default', 'first', { propagationPolicy: 'Foreground' });
    cluster.settle();
    expect(cluster.store.find('fleets', 'default', 'first')).toBeUndefined();
    const pod = cluster.store.get<Pod>('pods', 'default', 'owned');
    expect(pod.metadata.ownerReferences?.map(({ name }) => name)).toEqual(['second']);
  });
});

describe('events', () => {
  it('are counted when they come again, and go when they are too many or too old', () => {
    const { store, clock } = cluster;
    const fleet = cluster.createFleet('race', { replicas: 0 });
    const events = new EventRecorder({ store, clock, log: silentLogger, maxEvents: 3, retentionMs: 60_000 });
    const record = events.from('test');
    const left = () =>
      store
        .list<CoreEvent>('events')
        .filter(({ source }) => source.component === 'test')
        .map(({ reason, count }) => `${reason} ${count}`);
    record(fleet, 'Normal', 'A', 'a');
    record(fleet, 'Normal', 'A', 'a');
    expect(left()).toEqual(['A 2']);
    for (const reason of ['B', 'C', 'D']) record(fleet, 'Normal', reason, 'x');
    expect(left()).toEqual(['B 1', 'C 1', 'D 1']);
    clock.advance(61_000);
    record(fleet, 'Warning', 'E', 'e');
    expect(left()).toEqual(['E 1']);
  });
});

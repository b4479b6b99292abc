import type {
  Fleet,
  FleetAutoscaler,
  GameServer,
  GameServerSet,
  GameServerState,
  KubernetesObject,
} from '../../../lib/agones.ts';
import { ManualClock } from '../../../lib/clock.ts';
import { silentLogger } from '../../../lib/logger.ts';
import { seededRandom } from '../../../lib/seeded-random.ts';
import { createObjectStore } from '../../api/memory-store.ts';
import type { ObjectStore } from '../../api/store.ts';
import { resourceDefinitions } from '../../resources/resource-definitions.ts';
import type { CoreEvent } from '../event-recorder.ts';
import type { Node, Pod } from '../pods.ts';
import { startControllers } from '../start-controllers.ts';
import type { Controllers, ControllersConfig } from '../start-controllers.ts';

const PROCESS_FINALIZER = 'example.com/process';

/**
 * The store and the controllers on a clock of one's own, and a node that only pretends to run processes: a Pod is
 * running as soon as it is seen, a game is ready at once unless told otherwise, and a deleted Pod ends at once.
 */
export class TestCluster {
  readonly clock = new ManualClock(Date.UTC(2026, 0, 1));
  readonly store: ObjectStore;
  readonly controllers: Controllers;
  /** Whether a game that has started says it is ready. */
  gamesBecomeReady: (gameServer: GameServer) => boolean = () => true;
  readonly #unsubscribe: () => void;
  readonly #podsToSee = new Set<string>();

  constructor(config: Partial<ControllersConfig> = {}) {
    this.store = createObjectStore(resourceDefinitions, { clock: this.clock, logger: silentLogger });
    this.store.create<KubernetesObject>('namespaces', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'default' },
    });
    this.#createNode('node-1', '10.0.0.1');
    this.#unsubscribe = this.store.subscribe<Pod>('pods', ({ object }) => {
      this.#podsToSee.add(object.metadata.name);
    });
    const { store, clock } = this;
    this.controllers = startControllers({ store, clock, log: silentLogger, random: seededRandom(7), ...config });
  }

  stop(): void {
    this.controllers.stop();
    this.#unsubscribe();
  }

  /** Runs the controllers and the node until neither changes anything. */
  settle(): void {
    for (let round = 0; round < 500; round += 1) {
      const before = this.store.resourceVersion;
      this.clock.advance(0);
      this.#runNode();
      this.#runGames();
      if (this.store.resourceVersion === before) return;
    }
    throw new Error('the controllers do not come to rest');
  }

  /** Runs only the controllers: the node does not see its Pods. */
  settleControllers(): void {
    this.clock.advance(0);
  }

  createFleet(name: string, spec: Partial<Fleet['spec']> = {}): Fleet {
    return this.store.create<Fleet>('fleets', {
      apiVersion: 'agones.dev/v1',
      kind: 'Fleet',
      metadata: { name, namespace: 'default' },
      spec: {
        replicas: 3,
        template: {
          metadata: { labels: { version: 'one' } },
          spec: {
            ports: [{ name: 'ws', containerPort: 8000, protocol: 'TCP' }],
            template: { spec: { containers: [{ name: 'game', image: 'game:1' }] } },
          },
        },
        ...spec,
      },
    });
  }

  createGameServer(
    name: string,
    fields: Partial<GameServer['spec']>,
    metadata: Partial<GameServer['metadata']> = {},
  ): GameServer {
    return this.store.create<GameServer>('gameservers', {
      apiVersion: 'agones.dev/v1',
      kind: 'GameServer',
      metadata: { name, namespace: 'default', ...metadata },
      spec: { template: { spec: { containers: [{ name: 'game', image: 'game:1' }] } }, ...fields },
    });
  }

  createAutoscaler(name: string, spec: FleetAutoscaler['spec']): FleetAutoscaler {
    return this.store.create<FleetAutoscaler>('fleetautoscalers', {
      apiVersion: 'autoscaling.agones.dev/v1',
      kind: 'FleetAutoscaler',
      metadata: { name, namespace: 'default' },
      spec,
    });
  }

  scale(name: string, replicas: number): void {
    this.store.modify<Fleet>('fleets', 'default', name, (fleet) => {
      fleet.spec.replicas = replicas;
    });
  }

  /** Changes the template of a Fleet by a label. */
  changeVersion(name: string, version: string): void {
    this.store.modify<Fleet>('fleets', 'default', name, (fleet) => {
      fleet.spec.template.metadata = { ...fleet.spec.template.metadata, labels: { version } };
    });
  }

  /** What the sidecar does on the game's behalf. */
  setState(name: string, state: GameServerState): void {
    this.store.modify<GameServer>('gameservers', 'default', name, (gameServer) => {
      gameServer.status = { ...gameServer.status, state };
    });
  }

  /** The process of a GameServer ends. */
  exit(name: string, phase: 'Succeeded' | 'Failed'): void {
    this.store.modify<Pod>(
      'pods',
      'default',
      name,
      (pod) => {
        pod.status = { ...pod.status, phase };
      },
      { subresource: 'status' },
    );
  }

  fleet(name: string): Fleet {
    return this.store.get<Fleet>('fleets', 'default', name);
  }

  gameServers(labelSelector?: string): GameServer[] {
    return this.store.list<GameServer>('gameservers', labelSelector === undefined ? {} : { labelSelector });
  }

  gameServer(name: string): GameServer | undefined {
    return this.store.find<GameServer>('gameservers', 'default', name);
  }

  /** The sets of a Fleet, as `version: replicas wanted/replicas there`. */
  sizes(fleetName: string): Record<string, string> {
    const sets = this.store.list<GameServerSet>('gameserversets', { labelSelector: `agones.dev/fleet=${fleetName}` });
    return Object.fromEntries(
      sets.map((set) => [
        set.metadata.labels?.['version'] ?? set.metadata.name,
        `${set.spec.replicas}/${set.status?.replicas ?? 0}`,
      ]),
    );
  }

  /** The reasons of the events about an object, in order. */
  eventsAbout(name: string): string[] {
    return this.store
      .list<CoreEvent>('events')
      .filter((event) => event.involvedObject.name === name)
      .map(({ reason }) => reason);
  }

  #createNode(name: string, address: string): void {
    const node: Node = { apiVersion: 'v1', kind: 'Node', metadata: { name } };
    const status = {
      addresses: [
        { type: 'InternalIP', address },
        { type: 'Hostname', address: name },
      ],
    };
    this.store.create<Node>('nodes', node);
    const write = (copy: Node) => {
      copy.status = status;
    };
    this.store.modify<Node>('nodes', '', name, write, { subresource: 'status' });
  }

  #runNode(): void {
    for (const name of this.#podsToSee) {
      this.#podsToSee.delete(name);
      const pod = this.store.find<Pod>('pods', 'default', name);
      if (pod === undefined) continue;
      if (pod.metadata.deletionTimestamp !== undefined) this.#endProcess(name);
      else if (pod.spec.nodeName === undefined) this.#startProcess(name);
    }
  }

  #startProcess(name: string): void {
    this.store.modify<Pod>('pods', 'default', name, (pod) => {
      pod.metadata.finalizers = [PROCESS_FINALIZER];
      pod.spec.nodeName = 'node-1';
    });
    this.store.modify<Pod>(
      'pods',
      'default',
      name,
      (pod) => {
        pod.status = { ...pod.status, phase: 'Running', podIP: '10.1.0.1', podIPs: [{ ip: '10.1.0.1' }] };
      },
      { subresource: 'status' },
    );
  }

  #endProcess(name: string): void {
    this.store.modify<Pod>('pods', 'default', name, (pod) => {
      pod.metadata.finalizers = [];
    });
  }

  #runGames(): void {
    for (const gameServer of this.gameServers()) {
      const starting = gameServer.status?.state === 'Scheduled' && gameServer.metadata.deletionTimestamp === undefined;
      if (starting && this.gamesBecomeReady(gameServer)) this.setState(gameServer.metadata.name, 'RequestReady');
    }
  }
}

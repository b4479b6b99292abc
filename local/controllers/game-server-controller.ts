import { AGONES } from '../../lib/agones.ts';
import type { GameServer, GameServerState, GameServerStatus, NodeAddress } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';
import { StatusError } from '../api/status-error.ts';
import type { ObjectStore } from '../api/store.ts';
import { devAddressOf } from '../resources/game-server-state.ts';
import type { RecordEvent } from './event-recorder.ts';
import {
  heldHostPorts,
  statusPorts,
  takeFreePorts,
  takePorts,
  wantedHostPorts,
  withHostPorts,
  withSplitStaticPorts,
} from './game-server-ports.ts';
import { stateOf } from './game-server-states.ts';
import { isControlledBy, keyOf, splitKey } from './ownership.ts';
import { podFor } from './pods.ts';
import type { Node, Pod } from './pods.ts';
import type { IsPortFree, PortAllocator } from './port-allocator.ts';
import { toTimestamp } from './timestamps.ts';

export interface GameServerControllerOptions {
  store: ObjectStore;
  clock: Clock;
  ports: PortAllocator;
  isPortFree?: IsPortFree | undefined;
  record: RecordEvent;
  /** Has the GameServer of this key looked at again. */
  enqueue(key: string): void;
}

type GameServerLocation = Pick<GameServerStatus, 'address' | 'addresses' | 'nodeName' | 'ports'>;

/** Which kind of address players are told, best first. */
const ADDRESS_TYPES = ['ExternalDNS', 'ExternalIP', 'InternalDNS', 'InternalIP'];

/** In these states the GameServer has no Pod yet, or its Pod no longer matters. */
const WITHOUT_POD: ReadonlySet<GameServerState> = new Set([
  'PortAllocation',
  'Creating',
  'Shutdown',
  'Error',
  'Unhealthy',
]);

/**
 * Leads each GameServer through Agones' states, one step a sync.
 *
 * What the game says (RequestReady, Allocated, Reserved, Shutdown) and its health come from the sidecar, which writes
 * the state itself; what becomes of the process comes from its Pod.
 *
 * Source: Agones 1.57, `pkg/gameservers`.
 */
export class GameServerController {
  readonly #options: GameServerControllerOptions;
  /** GameServers that found no port free. */
  readonly #waitingForPort = new Set<string>();

  constructor(options: GameServerControllerOptions) {
    this.#options = options;
  }

  /** Notes the ports a GameServer holds already, so that they are not given out again. */
  adopt(gameServer: GameServer): void {
    if (devAddressOf(gameServer) !== '') return;
    for (const port of heldHostPorts(gameServer)) this.#options.ports.hold(uidOf(gameServer), port);
  }

  /** Lets go of what a GameServer that is gone held. */
  forget(gameServer: GameServer): void {
    this.#options.ports.release(uidOf(gameServer));
    this.#waitingForPort.delete(keyOf(gameServer));
    for (const key of this.#waitingForPort) this.#options.enqueue(key);
    this.#waitingForPort.clear();
  }

  sync(key: string): void | Promise<void> {
    const { namespace, name } = splitKey(key);
    const gameServer = this.#options.store.find<GameServer>('gameservers', namespace, name);
    if (gameServer === undefined) return;
    if (gameServer.metadata.deletionTimestamp !== undefined) {
      this.#finishDeletion(gameServer);
      return;
    }
    if (this.#followPod(gameServer)) return;
    switch (stateOf(gameServer)) {
      case 'PortAllocation':
        return this.#allocatePorts(gameServer);
      case 'Creating':
        this.#createPod(gameServer);
        return;
      case 'Starting':
        this.#becomeScheduled(gameServer);
        return;
      case 'RequestReady':
        this.#becomeReady(gameServer);
        return;
      case 'Shutdown':
        this.#startDeletion(gameServer);
        return;
      default:
        return;
    }
  }

  #allocatePorts(gameServer: GameServer): void | Promise<void> {
    const { ports, isPortFree } = this.#options;
    const wanted = wantedHostPorts(gameServer);
    if (isPortFree === undefined) {
      this.#assignPorts(gameServer, takePorts(ports, uidOf(gameServer), wanted));
      return;
    }
    return takeFreePorts(ports, uidOf(gameServer), wanted, isPortFree).then((taken) => {
      this.#assignPorts(gameServer, taken);
    });
  }

  #assignPorts(gameServer: GameServer, hostPorts: number[] | undefined): void {
    const { store, ports, record } = this.#options;
    const { namespace = '', name, uid } = gameServer.metadata;
    if (hostPorts === undefined) {
      this.#waitingForPort.add(keyOf(gameServer));
      record(gameServer, 'Warning', 'PortAllocation', 'Every port of the range is taken');
      return;
    }
    const current = store.find<GameServer>('gameservers', namespace, name);
    if (current === undefined || current.metadata.uid !== uid || stateOf(current) !== 'PortAllocation') {
      ports.release(uidOf(gameServer));
      return;
    }
    const updated = this.#setState(current, 'Creating', (copy) => {
      copy.spec.ports = withHostPorts(copy.spec.ports ?? [], hostPorts);
    });
    record(updated, 'Normal', 'PortAllocation', 'Port allocated');
  }

  #createPod(gameServer: GameServer): void {
    const { record } = this.#options;
    if (devAddressOf(gameServer) !== '') {
      this.#becomeReady(gameServer);
      return;
    }
    this.adopt(gameServer);
    const ports = withSplitStaticPorts(gameServer.spec.ports ?? []);
    try {
      if (this.#findPod(gameServer) === undefined) this.#options.store.create<Pod>('pods', podFor(gameServer, ports));
    } catch (error) {
      if (!(error instanceof StatusError) || error.code >= 500) throw error;
      const failed = this.#setState(gameServer, 'Error', (copy) => {
        copy.metadata.annotations = {
          ...copy.metadata.annotations,
          [AGONES.erroredAtAnnotation]: toTimestamp(this.#options.clock.nowMs()),
        };
      });
      record(failed, 'Warning', 'Error', `The Pod could not be made: ${error.message}`);
      return;
    }
    record(gameServer, 'Normal', 'Creating', `Pod ${gameServer.metadata.name} created`);
    this.#setState(gameServer, 'Starting', (copy) => {
      if (copy.spec.ports !== undefined) copy.spec.ports = ports;
    });
  }

  #becomeScheduled(gameServer: GameServer): void {
    const location = this.#locationOf(gameServer);
    if (location === undefined) return;
    const scheduled = this.#setState(gameServer, 'Scheduled', (copy) => {
      Object.assign(copy.status ?? {}, location);
    });
    this.#options.record(scheduled, 'Normal', 'Scheduled', 'Address and ports are known');
  }

  #becomeReady(gameServer: GameServer): void {
    const known = gameServer.status?.nodeName ?? '';
    const location = known === '' ? this.#locationOf(gameServer) : {};
    if (location === undefined) return;
    const ready = this.#setState(gameServer, 'Ready', (copy) => {
      Object.assign(copy.status ?? {}, location);
    });
    // Nobody called the SDK for a GameServer outside the cluster, and Agones writes no event then.
    if (devAddressOf(gameServer) === '') this.#options.record(ready, 'Normal', 'Ready', 'SDK.Ready() complete');
  }

  #startDeletion(gameServer: GameServer): void {
    const { namespace = '', name } = gameServer.metadata;
    this.#options.store.delete('gameservers', namespace, name, { propagationPolicy: 'Background' });
    this.#options.record(gameServer, 'Normal', 'Shutdown', 'Deletion started');
  }

  #finishDeletion(gameServer: GameServer): void {
    const { store, record } = this.#options;
    const { namespace = '', name } = gameServer.metadata;
    if (gameServer.metadata.finalizers?.includes(AGONES.controllerFinalizer) !== true) return;
    const pod = this.#findPod(gameServer);
    if (pod !== undefined) {
      if (pod.metadata.deletionTimestamp !== undefined) return;
      store.delete('pods', namespace, name, { propagationPolicy: 'Background' });
      record(gameServer, 'Normal', stateOf(gameServer), `Deleting Pod ${name}`);
      return;
    }
    store.modify<GameServer>('gameservers', namespace, name, (copy) => {
      copy.metadata.finalizers = copy.metadata.finalizers?.filter((one) => one !== AGONES.controllerFinalizer) ?? [];
    });
  }

  /** Takes over what has become of the Pod. True when that decided the state. */
  #followPod(gameServer: GameServer): boolean {
    if (devAddressOf(gameServer) !== '' || WITHOUT_POD.has(stateOf(gameServer))) return false;
    const pod = this.#findPod(gameServer);
    if (pod === undefined) return this.#end(gameServer, 'Unhealthy', 'The Pod is missing');
    // How its game ends does not matter any more: the GameServer stays as it is until the Pod is gone.
    if (pod.metadata.deletionTimestamp !== undefined) return false;
    if (pod.status?.phase === 'Succeeded') return this.#end(gameServer, 'Shutdown', 'The Pod has succeeded');
    if (pod.status?.phase === 'Failed') return this.#end(gameServer, 'Unhealthy', 'The Pod has failed');
    return false;
  }

  #end(gameServer: GameServer, state: 'Unhealthy' | 'Shutdown', message: string): boolean {
    const ended = this.#setState(gameServer, state);
    this.#options.record(ended, state === 'Unhealthy' ? 'Warning' : 'Normal', state, message);
    return true;
  }

  #setState(gameServer: GameServer, state: GameServerState, change?: (copy: GameServer) => void): GameServer {
    const { namespace = '', name } = gameServer.metadata;
    const changed = this.#options.store.modify<GameServer>('gameservers', namespace, name, (copy) => {
      copy.status = { ...copy.status, state };
      change?.(copy);
    });
    return changed ?? gameServer;
  }

  #findPod(gameServer: GameServer): Pod | undefined {
    const { namespace = '', name } = gameServer.metadata;
    const pod = this.#options.store.find<Pod>('pods', namespace, name);
    return pod !== undefined && isControlledBy(pod, gameServer) ? pod : undefined;
  }

  /** Where players reach the GameServer, or undefined while that is not known. */
  #locationOf(gameServer: GameServer): GameServerLocation | undefined {
    const ports = statusPorts(gameServer);
    const devAddress = devAddressOf(gameServer);
    if (devAddress !== '') {
      const addresses = [{ type: 'InternalIP', address: devAddress }];
      return { address: devAddress, addresses, nodeName: devAddress, ports };
    }
    const pod = this.#findPod(gameServer);
    const nodeName = pod?.spec.nodeName ?? '';
    const podIPs = pod?.status?.podIPs ?? [];
    if (nodeName === '' || podIPs.length === 0) return undefined;
    const node = this.#options.store.find<Node>('nodes', '', nodeName);
    const nodeAddresses = node?.status?.addresses ?? [];
    const address = bestAddress(nodeAddresses);
    if (address === undefined) return undefined;
    const addresses = [...nodeAddresses, ...podIPs.map(({ ip }) => ({ type: 'PodIP', address: ip }))];
    return { address, addresses, nodeName, ports };
  }
}

function uidOf(gameServer: GameServer): string {
  return gameServer.metadata.uid ?? keyOf(gameServer);
}

function bestAddress(addresses: readonly NodeAddress[]): string | undefined {
  for (const type of ADDRESS_TYPES) {
    const found = addresses.find((address) => address.type === type);
    if (found !== undefined) return found.address;
  }
  return undefined;
}

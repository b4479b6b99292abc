import { AGONES } from '../../lib/agones.ts';
import { CLAIM_LABEL, GAME_LABEL, SESSION_KEY } from '../../lib/session.ts';
import { CallError } from '../agones/kubernetes-connection.ts';
import type { KubernetesCalls } from '../agones/kubernetes-connection.ts';
import type { ReflectorTarget } from '../agones/reflector.ts';
import { applyOperation } from './json-patch.ts';
import type { PatchOperation } from './json-patch.ts';
import type { SimulatedNetwork } from './simulated-network.ts';
import type { SimulatedProcess, SimulatedTime } from './simulated-time.ts';

export interface SimulatedGameServer {
  metadata: {
    name: string;
    uid: string;
    resourceVersion: string;
    creationTimestamp: string;
    labels: Record<string, string>;
    annotations: Record<string, string>;
  };
  spec: object;
  status: { state: string; address: string; ports: object[] };
}

interface Watcher {
  process: SimulatedProcess;
  target: ReflectorTarget;
  /** Events come in order, however long each takes. */
  toldUntilMs: number;
}

export interface SimulatedKubernetesOptions {
  time: SimulatedTime;
  network: SimulatedNetwork;
  /** 0 ≤ n < 1. */
  random: () => number;
  game: string;
  /** Events come so much later than what they tell. */
  maxWatchLagMs: number;
}

/** GameServers of one Fleet in a simulation, with the calls and the watch by which allocators know them. */
export class SimulatedKubernetes {
  readonly gameServers = new Map<string, SimulatedGameServer>();
  readonly #options: SimulatedKubernetesOptions;
  readonly #watchers = new Set<Watcher>();
  #version = 1;
  #made = 0;

  constructor(options: SimulatedKubernetesOptions) {
    this.#options = options;
  }

  addReady(): void {
    this.#made += 1;
    const name = `boats-${this.#made}`;
    this.#put({
      metadata: {
        name,
        uid: `uid-${name}`,
        resourceVersion: '',
        creationTimestamp: '2027-01-15T08:00:00Z',
        labels: { [GAME_LABEL]: this.#options.game },
        annotations: {},
      },
      spec: { ports: [{ name: 'game', containerPort: 7001, protocol: 'TCP' }] },
      status: { state: 'Ready', address: '203.0.113.7', ports: [{ name: 'game', port: 7001 }] },
    });
  }

  setState(name: string, state: string): void {
    const gameServer = this.gameServers.get(name);
    if (gameServer !== undefined) this.#put({ ...gameServer, status: { ...gameServer.status, state } });
  }

  delete(name: string): void {
    const gameServer = this.gameServers.get(name);
    if (gameServer === undefined) return;
    this.gameServers.delete(name);
    this.#tell((target) => {
      target.remove(gameServer);
    });
  }

  /** Those that were allocated and not given back. */
  allocated(): SimulatedGameServer[] {
    return [...this.gameServers.values()].filter(({ status }) => status.state === 'Allocated');
  }

  /** The first list, and every change from then on. */
  watch(process: SimulatedProcess, target: ReflectorTarget): void {
    target.replaceAll([...this.gameServers.values()]);
    this.#watchers.add({ process, target, toldUntilMs: 0 });
  }

  callsOf(process: SimulatedProcess): KubernetesCalls {
    const { network } = this.#options;
    return {
      create: () => Promise.reject(new Error('nothing is created here')),
      get: (_path, name) => network.call(process, () => this.#existing(name)),
      list: (_path, { labelSelector = '' }) =>
        network.call(process, () => {
          const [key = '', value] = labelSelector.split('=');
          return { items: [...this.gameServers.values()].filter(({ metadata }) => metadata.labels[key] === value) };
        }),
      patch: (_path, name, operations) => network.call(process, () => this.#patch(name, operations)),
    };
  }

  #existing(name: string): SimulatedGameServer {
    const gameServer = this.gameServers.get(name);
    if (gameServer === undefined) throw new CallError('not_found', 'simulated', 404, undefined);
    return gameServer;
  }

  #patch(name: string, operations: readonly object[]): SimulatedGameServer {
    const patched = structuredClone(this.#existing(name));
    for (const operation of operations) {
      if (!applyOperation(patched, operation as PatchOperation)) {
        throw new CallError('refused', 'simulated', 422, undefined);
      }
    }
    return this.#put(patched);
  }

  #put(gameServer: SimulatedGameServer): SimulatedGameServer {
    this.#version += 1;
    const { metadata } = gameServer;
    const held = { ...gameServer, metadata: { ...metadata, resourceVersion: String(this.#version) } };
    this.gameServers.set(metadata.name, held);
    this.#tell((target) => {
      target.upsert(held);
    });
    return held;
  }

  #tell(event: (target: ReflectorTarget) => void): void {
    const { time, random, maxWatchLagMs } = this.#options;
    for (const watcher of this.#watchers) {
      watcher.toldUntilMs = Math.max(watcher.toldUntilMs, time.nowMs + random() * maxWatchLagMs);
      time.after(watcher.toldUntilMs - time.nowMs, () => {
        if (!watcher.process.isDead) event(watcher.target);
      });
    }
  }
}

/** Which session a GameServer says it holds. */
export function heldSession({ metadata, status }: SimulatedGameServer): string | undefined {
  const sessionId = metadata.labels[SESSION_KEY];
  return status.state === 'Allocated' && sessionId !== '' ? sessionId : undefined;
}

/** Whether it is Allocated for somebody who has no session for it yet. */
export function isClaim(gameServer: SimulatedGameServer): boolean {
  const holder = gameServer.metadata.labels[CLAIM_LABEL] ?? '';
  return gameServer.status.state === 'Allocated' && heldSession(gameServer) === undefined && holder !== '';
}

/** When it was allocated last: a GameServer may be allocated several times. */
export function allocatedAt({ metadata }: SimulatedGameServer): string {
  return metadata.annotations[AGONES.lastAllocatedAnnotation] ?? '';
}

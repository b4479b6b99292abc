import { CallError } from '../agones/kubernetes-connection.ts';
import type { KubernetesCalls, ResourcePath } from '../agones/kubernetes-connection.ts';

/** What becomes of a call that is under way. */
export type CallFate =
  | 'answered'
  /** Carried out, and the answer is lost. */
  | 'answer-lost'
  /** The answer is lost, and it is carried out later. */
  | 'late'
  /** Not carried out, and nobody is told. */
  | 'lost'
  /** Not carried out, and that is what is answered. */
  | 'busy';

/** One shared GameServer as Kubernetes holds it. */
export interface SharedObject {
  name: string;
  version: number;
  state: string;
  capacity: number;
  values: string[];
}

interface Call {
  carryOut: () => unknown;
  resolve: (answer: unknown) => void;
  reject: (error: unknown) => void;
}

/** Game of its GameServers. */
export const GAME = 'boat-race';

/**
 * A handful of shared GameServers and the calls to them, each of which ends when and as it is told: the reference that
 * the ledger of places is held against.
 */
export class UnreliableCluster {
  readonly objects = new Map<string, SharedObject>();
  /** Versions of GameServers that a watch has yet to tell, in order. */
  untold: object[] = [];
  readonly #calls: Call[] = [];
  /** Carried out after their answers were lost. */
  #late: (() => unknown)[] = [];
  #version = 98;

  constructor(capacities: readonly number[]) {
    for (const [index, capacity] of capacities.entries()) {
      this.change(`boats-${index}`, { capacity, values: [], state: 'Ready' });
    }
  }

  get callCount(): number {
    return this.#calls.length;
  }

  /** @param isDead - whether the process that calls has died: nothing of it comes through then */
  connect(isDead: () => boolean): Pick<KubernetesCalls, 'get' | 'list' | 'patch'> {
    const send = (carryOut: () => unknown): Promise<unknown> =>
      new Promise((resolve, reject) => {
        if (!isDead()) this.#calls.push({ carryOut, resolve, reject });
      });
    return {
      get: (_path: ResourcePath, name: string) => send(() => this.#wire(this.#object(name))),
      list: () => send(() => ({ metadata: {}, items: this.listed() })),
      patch: (_path: ResourcePath, name: string, operations: readonly object[]) =>
        send(() => this.#patch(name, operations)),
    };
  }

  #patch(name: string, operations: readonly object[]): object {
    const before = this.#object(name);
    const changes: Partial<SharedObject> = {};
    for (const { op, path, value } of operations as { op: string; path: string; value: unknown }[]) {
      if (path === '/metadata/uid' && value !== `uid-${name}`) throw new CallError('refused', 'patch', 422, undefined);
      if (path === '/metadata/resourceVersion' && value !== String(before.version)) {
        throw new CallError('refused', 'patch', 422, undefined);
      }
      if (op !== 'test' && path === '/status/state') changes.state = value as string;
      if (path === '/status/lists/sessions') changes.values = (value as { values: string[] }).values;
    }
    return this.change(name, changes);
  }

  /** Everything there is, as a list that is read now. */
  listed(): object[] {
    return [...this.objects.values()].map((object) => this.#wire(object));
  }

  /** A change, by whomever, that a watch will tell. */
  change(name: string, changes: Partial<SharedObject>): object {
    const before = this.objects.get(name) ?? { name, version: 0, state: 'Ready', capacity: 0, values: [] };
    this.#version += 1;
    const object = { ...before, ...changes, version: this.#version };
    this.objects.set(name, object);
    const wire = this.#wire(object);
    this.untold.push(wire);
    return wire;
  }

  /** Ends one of the calls under way. */
  end(pick: number, fate: CallFate): void {
    const [call] = this.#calls.splice(pick % Math.max(1, this.#calls.length), 1);
    if (call === undefined) return;
    const isCarriedOut = fate === 'answered' || fate === 'answer-lost';
    let answer: unknown;
    try {
      if (isCarriedOut) answer = call.carryOut();
    } catch (error) {
      if (fate === 'answered') return call.reject(error);
    }
    if (fate === 'late') this.#late.push(call.carryOut);
    if (fate === 'answered') call.resolve(answer);
    else if (fate === 'busy') call.reject(new CallError('busy', 'call', 503, undefined));
    else call.reject(new CallError('lost', 'call', undefined, undefined));
  }

  /** Carries out what was late. */
  catchUp(): void {
    const late = this.#late;
    this.#late = [];
    for (const carryOut of late) {
      try {
        carryOut();
      } catch {
        // Nobody hears of it any more.
      }
    }
  }

  #object(name: string): SharedObject {
    const object = this.objects.get(name);
    if (object === undefined) throw new CallError('not_found', 'call', 404, undefined);
    return object;
  }

  #wire({ name, version, state, capacity, values }: SharedObject): object {
    return {
      metadata: {
        name,
        uid: `uid-${name}`,
        resourceVersion: String(version),
        labels: { 'regatta.dev/game': GAME },
        annotations: { 'regatta.dev/seats': '4' },
      },
      spec: { ports: [{ name: 'game', containerPort: 7001, protocol: 'TCP' }] },
      status: {
        state,
        address: '203.0.113.7',
        addresses: [],
        ports: [{ name: 'game', port: 7001 }],
        lists: { sessions: { capacity, ...(values.length === 0 ? {} : { values: [...values] }) } },
      },
    };
  }
}

import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CLAIM_LABEL, CLAIM_UNTIL_ANNOTATION, SESSION_KEY } from '../../lib/session.ts';
import { applyOperation } from './json-patch.ts';
import type { PatchOperation } from './json-patch.ts';
import type { GameServerAllocation, GameServerSelector, ListStatus } from '../../lib/agones.ts';

/** An object of the Kubernetes API as this endpoint holds it. */
export interface HeldObject {
  metadata: {
    name: string;
    uid: string;
    labels: Record<string, string>;
    annotations: Record<string, string>;
    resourceVersion: string;
    creationTimestamp?: string;
    deletionTimestamp?: string;
  };
  spec: unknown;
  status?: {
    state: string;
    address: string;
    addresses: object[];
    ports: object[];
    lists?: Record<string, ListStatus>;
  };
}

/** A Lease as this endpoint holds it. */
export interface HeldLease {
  metadata: { name: string; resourceVersion?: string; annotations?: Record<string, string> };
  spec?: {
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    acquireTime?: string;
    renewTime?: string;
    leaseTransitions?: number;
  };
}

/** What the endpoint does with one GameServerAllocation, or with a patch that allocates. */
export type AllocationBehaviour =
  | 'allocate'
  | 'UnAllocated'
  | 'Contention'
  /** Allocates and cuts the connection before it answers. */
  | 'lose-answer'
  /** Allocates `lateMs` after it has cut the connection. */
  | 'allocate-late'
  /** Cuts the connection and does nothing. */
  | 'cut'
  | 'no-endpoints'
  | 'forbidden'
  | 'nonsense'
  /** Answers when `letGo` is called. */
  | 'hold';

/**
 * The outside world of the allocator's tests: Fleets, GameServers, their watches and GameServerAllocations over real
 * HTTP, answering in the shapes of Kubernetes and Agones, with faults on demand that a sound one does not have.
 */
export class KubernetesEndpoint {
  /** Behaviours of the allocations to come, of either kind, in order; afterwards `allocate`. */
  readonly behaviours: AllocationBehaviour[] = [];
  /** Every GameServerAllocation that came. */
  readonly allocations: GameServerAllocation[] = [];
  readonly patches: { name: string; operations: unknown }[] = [];
  connectionCount = 0;
  requestCount = 0;
  lateMs = 50;
  /** Requests get no answer while true. */
  isHung = false;
  /** Lists, gets and watches are refused while true. */
  isDown = false;
  /** Changes are kept from watchers while true, and from their history. */
  isWatchSilent = false;
  /** How requests for Leases are refused; undefined where they are served. */
  leaseRefusal: 403 | 404 | 503 | undefined;
  leaseRequests = 0;
  /** Names of GameServers whose Pod has gone. */
  readonly missingPods = new Set<string>();
  /** Every Event that came. */
  readonly events: { reason: string; involvedObject: { name: string } }[] = [];
  /** Told of each object as it is written. */
  onWrite: (object: HeldObject) => void = () => {};
  /** Reads of single GameServers. */
  readCount = 0;
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  readonly #objects = { gameservers: new Map<string, HeldObject>(), fleets: new Map<string, HeldObject>() };
  readonly #leases = new Map<string, HeldLease>();
  readonly #watchers = new Set<{ plural: string; response: ServerResponse }>();
  #held: (() => void)[] = [];
  /** What watchers were told, for those that open theirs later. */
  readonly #history: { plural: string; type: string; object: HeldObject }[] = [];
  #version = 100;

  static async start(): Promise<KubernetesEndpoint> {
    const endpoint = new KubernetesEndpoint();
    endpoint.#server.on('connection', () => (endpoint.connectionCount += 1));
    await new Promise<void>((resolve) => endpoint.#server.listen(0, '127.0.0.1', resolve));
    return endpoint;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The text of a kubeconfig that leads here. */
  get kubeconfig(): string {
    return JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'test',
      clusters: [{ name: 'test', cluster: { server: this.url, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'test', user: { token: 'test-token' } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace: 'default' } }],
    });
  }

  /** @param options - `capacity`: sessions that each of its GameServers holds at once, where they are shared */
  addFleet(
    name: string,
    game: string,
    seats: number,
    { annotations = {}, capacity }: { annotations?: Record<string, string>; capacity?: number } = {},
  ): void {
    this.#put('fleets', {
      metadata: { name, uid: `uid-${name}`, labels: {}, annotations, resourceVersion: '' },
      spec: {
        template: {
          metadata: { labels: { 'regatta.dev/game': game }, annotations: { 'regatta.dev/seats': String(seats) } },
          spec: capacity === undefined ? {} : { lists: { sessions: { capacity } } },
        },
      },
    });
  }

  addGameServer(
    name: string,
    game: string,
    options: {
      port?: number;
      fleet?: string;
      labels?: object;
      annotations?: Record<string, string>;
      state?: string;
      uid?: string;
      createdAt?: string;
      /** Of its List `sessions`. */
      capacity?: number;
      seats?: number;
    } = {},
  ): void {
    const port = options.port ?? 7001;
    this.#put('gameservers', {
      metadata: {
        name,
        uid: options.uid ?? `uid-${name}`,
        creationTimestamp: options.createdAt ?? '2026-01-01T00:00:00Z',
        labels: { 'regatta.dev/game': game, 'agones.dev/fleet': options.fleet ?? 'boats', ...options.labels },
        annotations: {
          ...(options.seats === undefined ? {} : { 'regatta.dev/seats': String(options.seats) }),
          ...options.annotations,
        },
        resourceVersion: '',
      },
      spec: { ports: [{ name: 'game', containerPort: port, hostPort: port, protocol: 'TCP' }] },
      status: {
        state: options.state ?? 'Ready',
        address: '203.0.113.7',
        addresses: [
          { type: 'InternalIP', address: '203.0.113.7' },
          { type: 'PodIP', address: '10.1.2.3' },
        ],
        ports: [{ name: 'game', port }],
        // As Agones leaves it: a List that is empty has no values.
        ...(options.capacity === undefined ? {} : { lists: { sessions: { capacity: options.capacity } } }),
      },
    });
  }

  /** The sessions of a shared GameServer. */
  sessionsOn(name: string): string[] {
    return this.gameServer(name)?.status?.lists?.['sessions']?.values ?? [];
  }

  /** As its game server or somebody else does. */
  setSessions(name: string, values: string[], state?: string): void {
    const held = this.gameServer(name);
    const sessions = held?.status?.lists?.['sessions'];
    if (held?.status === undefined || sessions === undefined) throw new Error(`no shared GameServer ${name}`);
    const lists = { sessions: { ...sessions, values } };
    this.#put('gameservers', { ...held, status: { ...held.status, lists, state: state ?? held.status.state } });
  }

  gameServer(name: string): HeldObject | undefined {
    return this.#objects.gameservers.get(name);
  }

  gameServers(): HeldObject[] {
    return [...this.#objects.gameservers.values()];
  }

  setState(name: string, state: string): void {
    const held = this.gameServer(name);
    if (held?.status === undefined) throw new Error(`no GameServer ${name}`);
    this.#put('gameservers', { ...held, status: { ...held.status, state } });
  }

  /** As an allocator of this name does that has gone since. */
  claim(name: string, { holder, untilMs }: { holder: string; untilMs: number }): void {
    const held = this.gameServer(name);
    if (held?.status === undefined) throw new Error(`no GameServer ${name}`);
    const { metadata, status } = held;
    const labels = { ...metadata.labels, [CLAIM_LABEL]: holder, [SESSION_KEY]: '' };
    const annotations = {
      ...metadata.annotations,
      [CLAIM_UNTIL_ANNOTATION]: new Date(untilMs).toISOString(),
      'agones.dev/last-allocated': new Date(this.#version).toISOString(),
    };
    const claimed = { ...metadata, labels, annotations };
    this.#put('gameservers', { ...held, metadata: claimed, status: { ...status, state: 'Allocated' } });
  }

  annotate(name: string, annotations: Record<string, string>): void {
    const held = this.gameServer(name);
    if (held === undefined) throw new Error(`no GameServer ${name}`);
    const { metadata } = held;
    this.#put('gameservers', {
      ...held,
      metadata: { ...metadata, annotations: { ...metadata.annotations, ...annotations } },
    });
  }

  delete(name: string): void {
    const held = this.gameServer(name);
    if (held === undefined) throw new Error(`no GameServer ${name}`);
    this.#objects.gameservers.delete(name);
    this.#version += 1;
    const resourceVersion = String(this.#version);
    this.#tell('gameservers', 'DELETED', { ...held, metadata: { ...held.metadata, resourceVersion } });
  }

  /** Tells watchers of a GameServer as it was first, as a watch that lags. */
  sendOld(name: string): void {
    const old = this.#history.find(({ object }) => object.metadata.name === name);
    this.#sendToAll({ type: 'MODIFIED', object: old?.object });
  }

  /** Ends all watches, as an API server does from time to time. */
  endWatches(): void {
    for (const { response } of this.#watchers) response.end();
  }

  /** Ends all watches with an error event, as when a version is too old. */
  sendWatchError(code: number): void {
    this.#sendToAll({ type: 'ERROR', object: { kind: 'Status', code } });
    this.endWatches();
  }

  /** An event whose object is none. */
  sendNonsense(): void {
    this.#sendToAll({ type: 'MODIFIED', object: { metadata: { resourceVersion: 'x' } } });
  }

  /** Answers every allocation that is held. */
  letGo(): void {
    const held = this.#held;
    this.#held = [];
    for (const release of held) release();
  }

  async close(): Promise<void> {
    this.letGo();
    await new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
      this.#server.closeAllConnections();
    });
  }

  #put(plural: 'gameservers' | 'fleets', object: HeldObject): void {
    this.#version += 1;
    const isNew = !this.#objects[plural].has(object.metadata.name);
    const held = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
    this.#objects[plural].set(object.metadata.name, held);
    this.onWrite(held);
    this.#tell(plural, isNew ? 'ADDED' : 'MODIFIED', held);
  }

  #tell(plural: string, type: string, object: HeldObject): void {
    if (this.isWatchSilent) return;
    this.#history.push({ plural, type, object });
    const line = `${JSON.stringify({ type, object })}\n`;
    for (const watcher of this.#watchers) if (watcher.plural === plural) watcher.response.write(line);
  }

  #sendToAll(event: object): void {
    for (const { response } of this.#watchers) response.write(`${JSON.stringify(event)}\n`);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requestCount += 1;
    const url = new URL(request.url ?? '/', this.url);
    const isCore = url.pathname.startsWith('/api/');
    const [plural = '', name] = url.pathname.split('/').slice(isCore ? 5 : 6);
    let text = '';
    for await (const chunk of request) text += String(chunk);
    if (this.isHung) return;
    if (plural === 'gameserverallocations') {
      this.#allocate(JSON.parse(text) as GameServerAllocation, response);
    } else if (this.isDown) {
      send(response, 503, { kind: 'Status', code: 503, message: 'down, and this text must not get out' });
    } else if (plural === 'gameservers' || plural === 'fleets') {
      if (name !== undefined && request.method === 'PATCH') this.#patch(name, text, response);
      else if (name !== undefined) this.#get(name, response);
      else if (url.searchParams.get('watch') === 'true')
        this.#watch(plural, Number(url.searchParams.get('resourceVersion')), response);
      else this.#list(plural, url.searchParams.get('labelSelector') ?? '', response);
    } else if (plural === 'leases') {
      this.#answerLease(request.method ?? '', name, text, response);
    } else if (plural === 'events') {
      this.events.push(JSON.parse(text) as (typeof this.events)[number]);
      send(response, 201, JSON.parse(text) as object);
    } else if (plural === 'pods' && name !== undefined && !this.missingPods.has(name)) {
      send(response, 200, { kind: 'Pod', apiVersion: 'v1', metadata: { name }, status: { phase: 'Running' } });
    } else {
      send(response, 404, { kind: 'Status', code: 404 });
    }
  }

  lease(name: string): HeldLease | undefined {
    return this.#leases.get(name);
  }

  putLease(name: string, spec: NonNullable<HeldLease['spec']>): void {
    this.#version += 1;
    this.#leases.set(name, { metadata: { name, resourceVersion: String(this.#version) }, spec });
  }

  #answerLease(method: string, name: string | undefined, text: string, response: ServerResponse): void {
    this.leaseRequests += 1;
    const given = text === '' ? undefined : (JSON.parse(text) as HeldLease);
    const held = this.#leases.get(name ?? given?.metadata.name ?? '');
    const refuse = (code: number): void => {
      send(response, code, { kind: 'Status', code });
    };
    if (this.leaseRefusal !== undefined) return refuse(this.leaseRefusal);
    if (given === undefined) return held === undefined ? refuse(404) : send(response, 200, held);
    if (method === 'POST' && held !== undefined) return refuse(409);
    if (method === 'PUT' && held === undefined) return refuse(404);
    if (method === 'PUT' && held?.metadata.resourceVersion !== given.metadata.resourceVersion) return refuse(409);
    this.#version += 1;
    const lease = { ...given, metadata: { ...given.metadata, resourceVersion: String(this.#version) } };
    this.#leases.set(lease.metadata.name, lease);
    send(response, method === 'POST' ? 201 : 200, lease);
  }

  #get(name: string, response: ServerResponse): void {
    this.readCount += 1;
    const held = this.gameServer(name);
    send(response, held === undefined ? 404 : 200, held ?? { kind: 'Status', code: 404 });
  }

  #list(plural: 'gameservers' | 'fleets', selector: string, response: ServerResponse): void {
    const [key = '', value] = selector.split('=');
    const items = [...this.#objects[plural].values()].filter(
      ({ metadata }) =>
        selector === '' || (value === undefined ? key in metadata.labels : metadata.labels[key] === value),
    );
    send(response, 200, { kind: 'List', metadata: { resourceVersion: String(this.#version) }, items });
  }

  get watcherCount(): number {
    return this.#watchers.size;
  }

  #watch(plural: string, sinceVersion: number, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    for (const { plural: kind, type, object } of this.#history) {
      if (kind !== plural || Number(object.metadata.resourceVersion) <= sinceVersion) continue;
      response.write(`${JSON.stringify({ type, object })}\n`);
    }
    const watcher = { plural, response };
    this.#watchers.add(watcher);
    response.on('close', () => this.#watchers.delete(watcher));
  }

  #patch(name: string, text: string, response: ServerResponse): void {
    const operations = JSON.parse(text) as PatchOperation[];
    this.patches.push({ name, operations });
    const allocates = operations.some(
      ({ op, path, value }) =>
        (op === 'replace' && value === 'Allocated') ||
        (op === 'add' && path.startsWith('/status/lists/')) ||
        (op === 'add' && path.startsWith('/metadata/labels/') && path.endsWith('session') && value !== ''),
    );
    const carryOut = (): { status: number; body: object } => this.#applyPatch(name, operations);
    this.#behave(allocates ? (this.behaviours.shift() ?? 'allocate') : 'allocate', response, carryOut);
  }

  #applyPatch(name: string, operations: PatchOperation[]): { status: number; body: object } {
    const held = this.gameServer(name);
    if (held === undefined) return { status: 404, body: { kind: 'Status', code: 404 } };
    const patched = structuredClone(held);
    if (!operations.every((operation) => applyOperation(patched, operation))) {
      return { status: 422, body: { kind: 'Status', code: 422 } };
    }
    this.#put('gameservers', patched);
    return { status: 200, body: this.gameServer(name) ?? {} };
  }

  #allocate(allocation: GameServerAllocation, response: ServerResponse): void {
    this.allocations.push(allocation);
    const behaviour = this.behaviours.shift() ?? 'allocate';
    const carryOut = (): { status: number; body: object } => ({ status: 201, body: this.#take(allocation) });
    if (behaviour !== 'UnAllocated' && behaviour !== 'Contention') return this.#behave(behaviour, response, carryOut);
    send(response, 201, { ...allocation, status: { state: behaviour, gameServerName: '', source: '' } });
  }

  #behave(
    behaviour: AllocationBehaviour,
    response: ServerResponse,
    carryOut: () => { status: number; body: object },
  ): void {
    const answer = (): void => {
      const { status, body } = carryOut();
      send(response, status, body);
    };
    switch (behaviour) {
      case 'allocate':
        return answer();
      case 'UnAllocated':
      case 'Contention':
        return send(response, 422, { kind: 'Status', code: 422 });
      case 'lose-answer':
        carryOut();
        return void response.destroy();
      case 'allocate-late':
        setTimeout(carryOut, this.lateMs);
        return void response.destroy();
      case 'cut':
        return void response.destroy();
      case 'no-endpoints':
        return send(response, 503, { kind: 'Status', code: 503, message: 'no endpoints available' });
      case 'forbidden':
        return send(response, 403, { kind: 'Status', code: 403, message: 'this text must not get out' });
      case 'nonsense':
        return send(response, 201, { hello: 'world' });
      case 'hold':
        this.#held.push(answer);
    }
  }

  #take(allocation: GameServerAllocation): object {
    const { selectors = [], metadata = {}, lists: actions = {} } = allocation.spec;
    for (const selector of selectors) {
      const fitting = this.gameServers().filter((gameServer) => fits(gameServer, selector));
      const [found] = fitting.toSorted((a, b) => freeOn(a) - freeOn(b));
      if (found?.status === undefined) continue;
      const { name } = found.metadata;
      const lists = Object.entries(found.status.lists ?? {}).map(([key, { capacity = 0, values = [] }]) => [
        key,
        // Cut off at the capacity, without a word.
        { capacity, values: [...values, ...(actions[key]?.addValues ?? [])].slice(0, capacity) },
      ]);
      this.#put('gameservers', {
        ...found,
        metadata: {
          ...found.metadata,
          labels: { ...found.metadata.labels, ...metadata.labels },
          annotations: {
            ...found.metadata.annotations,
            ...metadata.annotations,
            'agones.dev/last-allocated': new Date(this.#version).toISOString(),
          },
        },
        status: {
          ...found.status,
          state: 'Allocated',
          ...(lists.length === 0 ? {} : { lists: Object.fromEntries(lists) as Record<string, ListStatus> }),
        },
      });
      return {
        ...allocation,
        metadata: { name },
        status: { state: 'Allocated', gameServerName: name, source: 'local' },
      };
    }
    return { ...allocation, status: { state: 'UnAllocated', gameServerName: '', source: '' } };
  }
}

function fits({ metadata, status }: HeldObject, selector: GameServerSelector): boolean {
  return (
    status?.state === (selector.gameServerState ?? 'Ready') &&
    metadata.deletionTimestamp === undefined &&
    Object.entries(selector.matchLabels ?? {}).every(([key, value]) => metadata.labels[key] === value) &&
    (selector.matchExpressions ?? []).every(({ key, values }) => values?.includes(metadata.labels[key] ?? '')) &&
    Object.entries(selector.lists ?? {}).every(([key, { minAvailable = 0 }]) => freeOn({ status }, key) >= minAvailable)
  );
}

function freeOn({ status }: Pick<HeldObject, 'status'>, key = 'sessions'): number {
  const { capacity = 0, values = [] } = status?.lists?.[key] ?? {};
  return capacity - values.length;
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

import { randomBytes } from 'node:crypto';
import type {
  Fleet,
  FleetAutoscaler,
  GameServer,
  GameServerAllocation,
  GameServerSet,
  KubernetesObject,
} from '../../../lib/agones.ts';
import { eventually } from '../../helpers/conditions.ts';
import { Puppet, puppetContainer } from '../puppet/puppet.ts';
import type { PuppetOptions } from '../puppet/puppet.ts';
import { ApiClient } from './api-client.ts';
import type { Answer, RequestHeaders } from './api-client.ts';
import type { DifferenceId } from './differences.ts';
import type { SdkCalls } from './sdk-calls.ts';
import { SdkOverGrpc } from './sdk-over-grpc.ts';
import { SdkOverRest } from './sdk-over-rest.ts';
import type { Target } from './target.ts';
import { WatchedObjects } from './watched-objects.ts';

export const NAMESPACE = 'default';

/** Where objects of a kind are, in the namespace of the cases. */
export const PATHS = {
  gameservers: `/apis/agones.dev/v1/namespaces/${NAMESPACE}/gameservers`,
  fleets: `/apis/agones.dev/v1/namespaces/${NAMESPACE}/fleets`,
  gameserversets: `/apis/agones.dev/v1/namespaces/${NAMESPACE}/gameserversets`,
  fleetautoscalers: `/apis/autoscaling.agones.dev/v1/namespaces/${NAMESPACE}/fleetautoscalers`,
  gameserverallocations: `/apis/allocation.agones.dev/v1/namespaces/${NAMESPACE}/gameserverallocations`,
  gameserverallocationpolicies: `/apis/multicluster.agones.dev/v1/namespaces/${NAMESPACE}/gameserverallocationpolicies`,
  pods: `/api/v1/namespaces/${NAMESPACE}/pods`,
  events: `/api/v1/namespaces/${NAMESPACE}/events`,
  leases: `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases`,
} as const;

/** Everything a case makes carries this label, with the run's own value. */
export const RUN_LABEL = 'regatta.dev/conformance';
const CAUGHT_UP_LABEL = 'regatta.dev/caught-up';

/** What the SDK server is spoken to by. */
export const SDK_PROTOCOLS = ['gRPC', 'REST'] as const;
export type SdkProtocol = (typeof SDK_PROTOCOLS)[number];

const DEADLINE_MS = 60_000;
const DELETED_KINDS = [
  'fleetautoscalers',
  'fleets',
  'gameserversets',
  'gameservers',
  'gameserverallocationpolicies',
  'leases',
] as const;

/** An event of core/v1, as far as cases look at it. */
export interface ObjectEvent {
  type: string;
  reason: string;
  message: string;
  involvedObject: { kind: string; fieldPath?: string };
}

/** A Pod of core/v1; what is not there fails the expectation. */
// oxlint-disable-next-line typescript/no-explicit-any
type Pod = KubernetesObject & { spec: any; status: any };

type Partially<T> = { [K in keyof T]?: unknown };

/**
 * The cluster that cases run against, through its public API alone.
 *
 * Cases of one file share it, and other files may run beside them: names come from `name`, and lists and allocations
 * are narrowed by a label of the case.
 */
export class TestCluster {
  readonly client: ApiClient;
  readonly kind: Target['kind'];
  /** The value of RUN_LABEL of this file's run. */
  readonly run = `c${randomBytes(4).toString('hex')}`;
  readonly #open: { close?(): void; stop?(): void }[] = [];
  #names = 0;

  constructor(target: Pick<Target, 'kind' | 'kubeconfigPath'>) {
    this.client = ApiClient.fromKubeconfig(target.kubeconfigPath);
    this.kind = target.kind;
  }

  /** A name that nothing else has. */
  name(stem: string): string {
    this.#names += 1;
    return `${stem}-${this.run}-${this.#names}`;
  }

  /** What a case expects where a documented difference makes the two answer differently. */
  expected<T>(_difference: DifferenceId, by: { agones: T; local: T }): T {
    return by[this.kind];
  }

  request(method: string, path: string, body?: object | string | Uint8Array, headers?: RequestHeaders) {
    return this.client.request(method, path, body, headers);
  }

  /** @throws Error with the answer when it is not a success */
  async created<T>(path: string, body: object): Promise<T> {
    return succeeded<T>(await this.request('POST', path, body));
  }

  async patched<T>(path: string, patch: object): Promise<T> {
    return succeeded<T>(await this.request('PATCH', path, patch));
  }

  async listed<T>(path: string): Promise<T[]> {
    return succeeded<{ items: T[] }>(await this.request('GET', path)).items;
  }

  eventually<T>(what: string, look: () => Promise<T | undefined> | T | undefined, deadlineMs = DEADLINE_MS) {
    return eventually(what, deadlineMs, look);
  }

  /** A watch that ends with the file at the latest. */
  async watch(path: string, headers?: RequestHeaders): Promise<WatchedObjects> {
    const watched = await WatchedObjects.open(this.client, path, headers);
    this.#open.push(watched);
    return watched;
  }

  /** Watches from now on: what is there already is not told. */
  async watchFromNow(path: string): Promise<WatchedObjects> {
    const { body } = await this.request('GET', path);
    const separator = path.includes('?') ? '&' : '?';
    return this.watch(`${path}${separator}resourceVersion=${body.metadata.resourceVersion}`);
  }

  /** Watches one GameServer from now on. */
  watchGameServer(name: string): Promise<WatchedObjects> {
    return this.watchFromNow(`${PATHS.gameservers}?fieldSelector=${encodeURIComponent(`metadata.name=${name}`)}`);
  }

  async gameServer(name: string): Promise<GameServer | undefined> {
    const answer = await this.request('GET', `${PATHS.gameservers}/${name}`);
    return answer.status === 404 ? undefined : succeeded<GameServer>(answer);
  }

  /** Those that carry all the labels. */
  gameServers(labels: Record<string, string>): Promise<GameServer[]> {
    return this.listed<GameServer>(`${PATHS.gameservers}?labelSelector=${selectorText(labels)}`);
  }

  async pod(name: string): Promise<Pod | undefined> {
    const answer = await this.request('GET', `${PATHS.pods}/${name}`);
    return answer.status === 404 ? undefined : succeeded<Pod>(answer);
  }

  async fleet(name: string): Promise<Fleet> {
    return succeeded<Fleet>(await this.request('GET', `${PATHS.fleets}/${name}`));
  }

  /** Waits until a GameServer is in a state. */
  inState(name: string, state: string, deadlineMs = DEADLINE_MS): Promise<GameServer> {
    return this.eventually(
      `${name} in ${state}`,
      async () => {
        const gameServer = await this.gameServer(name);
        return gameServer?.status?.state === state ? gameServer : undefined;
      },
      deadlineMs,
    );
  }

  gone(name: string): Promise<true> {
    return this.eventually(`${name} gone`, async () =>
      (await this.gameServer(name)) === undefined ? true : undefined,
    );
  }

  /** Asks for a GameServer with `agones.dev/dev-address`, which is Ready at once and needs no Pod. */
  async createDevGameServer(
    metadata: Partially<GameServer['metadata']> = {},
    spec: Partially<GameServer['spec']> = {},
  ) {
    return this.created<GameServer>(PATHS.gameservers, {
      apiVersion: 'agones.dev/v1',
      kind: 'GameServer',
      ...this.devTemplate({ name: this.name('dev'), ...metadata }, spec),
    });
  }

  /** A Ready GameServer with `agones.dev/dev-address`. */
  async readyDevGameServer(metadata: Partially<GameServer['metadata']> = {}, spec: Partially<GameServer['spec']> = {}) {
    const made = await this.createDevGameServer(metadata, spec);
    return this.inState(made.metadata.name, 'Ready');
  }

  /** Metadata and spec of a GameServer, or of a Fleet's template, that needs no Pod. */
  devTemplate(metadata: Partially<GameServer['metadata']> = {}, spec: Partially<GameServer['spec']> = {}) {
    const { labels, annotations, ...rest } = metadata;
    return {
      metadata: {
        ...rest,
        labels: { ...(labels as object), [RUN_LABEL]: this.run },
        annotations: { 'agones.dev/dev-address': '127.0.0.1', ...(annotations as object) },
      },
      spec: {
        ports: [{ name: 'game', portPolicy: 'Static', hostPort: 7777, containerPort: 7777 }],
        template: { spec: { containers: [puppetContainer()] } },
        ...spec,
      },
    };
  }

  /** Metadata and spec of a GameServer, or of a Fleet's template, whose Pod runs a puppet. */
  puppetTemplate(
    options: PuppetOptions = {},
    metadata: Partially<GameServer['metadata']> = {},
    spec: Partially<GameServer['spec']> = {},
  ) {
    const { labels, ...rest } = metadata;
    return {
      metadata: { ...rest, labels: { ...(labels as object), [RUN_LABEL]: this.run } },
      spec: {
        ports: [{ name: 'strings', portPolicy: 'Passthrough', protocol: 'TCP' }],
        health: { initialDelaySeconds: 5, periodSeconds: 5, failureThreshold: 3 },
        template: {
          spec: { terminationGracePeriodSeconds: 5, containers: [puppetContainer(options)] },
        },
        ...spec,
      },
    };
  }

  /** Asks for a GameServer whose Pod runs a puppet, and does not wait. */
  async createPuppet(
    options?: PuppetOptions,
    metadata: Partially<GameServer['metadata']> = {},
    spec?: Partially<GameServer['spec']>,
  ): Promise<GameServer> {
    return this.created<GameServer>(PATHS.gameservers, {
      apiVersion: 'agones.dev/v1',
      kind: 'GameServer',
      ...this.puppetTemplate(options, { name: this.name('puppet'), ...metadata }, spec),
    });
  }

  /** A puppet that listens, Scheduled or Ready as its options have it. */
  async puppet(
    options: PuppetOptions = {},
    metadata?: Partially<GameServer['metadata']>,
    spec?: Partially<GameServer['spec']>,
  ): Promise<Puppet> {
    const made = await this.createPuppet(options, metadata, spec);
    return this.reach(made.metadata.name);
  }

  /** The strings of a puppet that runs or is about to. */
  async reach(name: string): Promise<Puppet> {
    const { address, port } = await this.eventually(`${name} listens`, async () => {
      const status = (await this.gameServer(name))?.status;
      const [first] = status?.ports ?? [];
      if (!status?.address || first === undefined) return undefined;
      return (await Puppet.listensAt(status.address, first.port))
        ? { address: status.address, port: first.port }
        : undefined;
    });
    const puppet = await Puppet.reach(name, address, port);
    this.#open.push(puppet);
    return puppet;
  }

  /** The SDK server beside a puppet, spoken to by one of its protocols. */
  sdk(puppet: Puppet, protocol: SdkProtocol): SdkCalls {
    return protocol === 'gRPC' ? this.grpc(puppet) : new SdkOverRest(puppet);
  }

  grpc(puppet: Puppet): SdkOverGrpc {
    const sdk = new SdkOverGrpc(puppet.sdkGrpcPort);
    this.#open.push(sdk);
    return sdk;
  }

  /** Makes a Fleet that needs no Pods, and waits until all of it is Ready. */
  async readyDevFleet(
    spec: Partially<Fleet['spec']> & { replicas: number },
    template: { metadata?: Partially<GameServer['metadata']>; spec?: Partially<GameServer['spec']> } = {},
    name = this.name('fleet'),
  ): Promise<Fleet> {
    await this.createFleet(name, { ...spec, template: this.devTemplate(template.metadata, template.spec) });
    return this.fleetSettled(name, spec.replicas);
  }

  async createFleet(name: string, spec: Partially<Fleet['spec']>): Promise<Fleet> {
    return this.created<Fleet>(PATHS.fleets, {
      apiVersion: 'agones.dev/v1',
      kind: 'Fleet',
      metadata: { name, labels: { [RUN_LABEL]: this.run } },
      spec,
    });
  }

  /** Waits until a Fleet says that it has so many GameServers, all of them Ready. */
  fleetSettled(name: string, ready: number, total = ready): Promise<Fleet> {
    return this.eventually(`${name} with ${ready} Ready of ${total}`, async () => {
      const fleet = await this.fleet(name);
      return fleet.status?.readyReplicas === ready && fleet.status.replicas === total ? fleet : undefined;
    });
  }

  gameServersOf(fleet: string): Promise<GameServer[]> {
    return this.gameServers({ 'agones.dev/fleet': fleet });
  }

  gameServerSetsOf(fleet: string): Promise<GameServerSet[]> {
    return this.listed<GameServerSet>(
      `${PATHS.gameserversets}?labelSelector=${selectorText({ 'agones.dev/fleet': fleet })}`,
    );
  }

  /** @param everySeconds - how often it looks: an hour unless set, so that it acts on its own making and change alone */
  createFleetAutoscaler(
    fleetName: string,
    policy: FleetAutoscaler['spec']['policy'],
    everySeconds = 3600,
  ): Promise<FleetAutoscaler> {
    return this.created<FleetAutoscaler>(PATHS.fleetautoscalers, {
      apiVersion: 'autoscaling.agones.dev/v1',
      kind: 'FleetAutoscaler',
      metadata: { name: this.name('autoscaler'), labels: { [RUN_LABEL]: this.run } },
      spec: { fleetName, policy, sync: { type: 'FixedInterval', fixedInterval: { seconds: everySeconds } } },
    });
  }

  /** Waits until the status of a FleetAutoscaler is as wanted. */
  autoscaled(name: string, wanted: (status: NonNullable<FleetAutoscaler['status']>) => boolean) {
    return this.eventually(`the status of ${name}`, async () => {
      const { status } = succeeded<FleetAutoscaler>(await this.request('GET', `${PATHS.fleetautoscalers}/${name}`));
      return status !== undefined && wanted(status) ? status : undefined;
    });
  }

  /** Sends a GameServerAllocation and gives the whole answer. */
  allocate(spec: GameServerAllocation['spec'] | object): Promise<Answer> {
    return this.request('POST', PATHS.gameserverallocations, {
      apiVersion: 'allocation.agones.dev/v1',
      kind: 'GameServerAllocation',
      spec,
    });
  }

  /** @throws Error unless it was Allocated */
  async allocated(spec: GameServerAllocation['spec']): Promise<NonNullable<GameServerAllocation['status']>> {
    const { status } = succeeded<GameServerAllocation>(await this.allocate(spec));
    if (status?.state !== 'Allocated') throw new Error(`not Allocated: ${JSON.stringify(status)}`);
    return status;
  }

  /**
   * Waits until allocations know of every GameServer as it is now: they see writes in order, and so have seen all that
   * came before the one they are asked for here.
   */
  async allocationsCaughtUp(): Promise<void> {
    const labels = { [CAUGHT_UP_LABEL]: this.name('caught-up') };
    const { metadata } = await this.readyDevGameServer({ labels });
    await this.eventually('an allocation of what was made last', async () => {
      const { status } = succeeded<GameServerAllocation>(await this.allocate({ selectors: [{ matchLabels: labels }] }));
      return status?.state === 'Allocated' ? true : undefined;
    });
    await this.request('DELETE', `${PATHS.gameservers}/${metadata.name}`);
  }

  /** The events about an object, in the order they were first seen; of one kind where several have the name. */
  async eventsAbout(name: string, kind?: string): Promise<ObjectEvent[]> {
    const about = `involvedObject.name=${name}${kind === undefined ? '' : `,involvedObject.kind=${kind}`}`;
    return this.listed(`${PATHS.events}?fieldSelector=${encodeURIComponent(about)}`);
  }

  /** Removes whatever cases of this file made, and waits for it. */
  async clean(): Promise<void> {
    const own = `labelSelector=${selectorText({ [RUN_LABEL]: this.run })}`;
    for (const kind of DELETED_KINDS) await this.request('DELETE', `${PATHS[kind]}?${own}`);
    await this.eventually('everything of this run gone', async () =>
      (await this.listed<KubernetesObject>(`${PATHS.gameservers}?${own}`)).length === 0 ? true : undefined,
    );
  }

  close(): void {
    for (const each of this.#open) {
      each.close?.();
      each.stop?.();
    }
    this.client.close();
  }
}

export function selectorText(labels: Record<string, string>): string {
  return encodeURIComponent(
    Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
  );
}

function succeeded<T>({ status, text, body }: Answer): T {
  if (status < 200 || status > 299) throw new Error(`answered ${status}: ${text}`);
  // Cases say what kind they asked for.
  return body as T;
}

import {
  ApiException,
  CoreV1Api,
  createConfiguration,
  CustomObjectsApi,
  IsomorphicFetchHttpLibrary,
  KubeConfig,
  PatchStrategy,
  ServerConfiguration,
  setHeaderOptions,
  Watch,
} from '@kubernetes/client-node';
import type { CoreV1Event } from '@kubernetes/client-node';
import { KubernetesDown, KubernetesRefusal } from '../allocation/ports.ts';

/** A kind of custom resource, by its place in the API. */
export interface ResourcePath {
  group: string;
  version: string;
  plural: string;
}

export const GAME_SERVERS: ResourcePath = { group: 'agones.dev', version: 'v1', plural: 'gameservers' };
export const FLEETS: ResourcePath = { group: 'agones.dev', version: 'v1', plural: 'fleets' };
export const GAME_SERVER_ALLOCATIONS: ResourcePath = {
  group: 'allocation.agones.dev',
  version: 'v1',
  plural: 'gameserverallocations',
};

/** What undici's dispatchers have that we use; the package itself is not ours to import. */
interface Dispatcher {
  close(): Promise<void>;
  destroy(): Promise<void>;
}

/** The private half of KubeConfig that has to change. */
interface DispatcherMaker {
  createDispatcher: (...parameters: Parameters<KubeConfig['createDispatcherOptions']>) => Dispatcher | undefined;
}

/** Whether a call that failed can have been carried out all the same. */
export type CallFault = 'not_sent' | 'refused' | 'not_found' | 'conflict' | 'busy' | 'lost';

/**
 * A call of Kubernetes failed. Its message holds neither body nor headers, unlike the library's.
 *
 * `not_sent`, `busy`: nothing was done. `lost`: it may have been done, or may yet be.
 */
export class CallError extends Error {
  readonly fault: CallFault;
  readonly status: number | undefined;

  constructor(fault: CallFault, what: string, status: number | undefined, cause: unknown) {
    const because = causeCode(cause);
    super(`${what}: ${fault}${status === undefined ? '' : ` (${status})`}${because === '' ? '' : ` ${because}`}`);
    this.name = 'CallError';
    this.fault = fault;
    this.status = status;
  }
}

export interface KubernetesConnectionOptions {
  /** A kubeconfig file; without one the client's own search: KUBECONFIG, the home directory, the Pod it runs in. */
  kubeconfigFile: string | undefined;
  /** Of the kubeconfig; its current one where undefined. */
  context?: string | undefined;
  /** Without one, the namespace of the current context, else `default`. */
  namespace: string | undefined;
  /** Each call is given up after this long. */
  callTimeoutMs: number;
}

/** The calls by which objects are read and changed. */
export type KubernetesCalls = Pick<KubernetesConnection, 'create' | 'get' | 'list' | 'patch'>;

/** The calls by which GameServers are kept in order. */
export type UpkeepCalls = Pick<KubernetesConnection, 'namespace' | 'patch' | 'podPhase' | 'createEvent'>;

/**
 * Calls of the Kubernetes API: over pooled connections, each with a deadline, with faults of our own.
 *
 * The client makes a dispatcher, and so a TLS connection, for each request; here the dispatcher is kept as long as its
 * TLS material and proxy are the same, so that rotated certificates still take effect.
 */
export class KubernetesConnection {
  readonly namespace: string;
  readonly #kubeConfig: KubeConfig;
  readonly #objects: CustomObjectsApi;
  readonly #core: CoreV1Api;
  readonly #dispatchers = new Map<string, Dispatcher>();

  constructor(options: KubernetesConnectionOptions) {
    const kubeConfig = new KubeConfig();
    if (options.kubeconfigFile === undefined) kubeConfig.loadFromDefault();
    else kubeConfig.loadFromFile(options.kubeconfigFile);
    if (options.context !== undefined) kubeConfig.setCurrentContext(options.context);
    const cluster = kubeConfig.getCurrentCluster();
    if (cluster === null) throw new Error('the kubeconfig names no cluster');
    this.namespace =
      options.namespace ?? kubeConfig.getContextObject(kubeConfig.getCurrentContext())?.namespace ?? 'default';
    this.#kubeConfig = kubeConfig;
    this.#poolConnections();
    const http = new IsomorphicFetchHttpLibrary();
    const configuration = createConfiguration({
      baseServer: new ServerConfiguration(cluster.server, {}),
      authMethods: { default: kubeConfig },
      httpApi: {
        send(request) {
          request.setSignal(AbortSignal.timeout(options.callTimeoutMs));
          return http.send(request);
        },
      },
    });
    this.#objects = new CustomObjectsApi(configuration);
    this.#core = new CoreV1Api(configuration);
  }

  /** @throws CallError */
  async create(path: ResourcePath, body: object): Promise<unknown> {
    return this.#call(`create ${path.plural}`, () =>
      this.#objects.createNamespacedCustomObject({ ...path, namespace: this.namespace, body }),
    );
  }

  /** @throws CallError */
  async get(path: ResourcePath, name: string): Promise<unknown> {
    return this.#call(`get ${path.plural}`, () =>
      this.#objects.getNamespacedCustomObject({ ...path, namespace: this.namespace, name }),
    );
  }

  /**
   * One page of a list.
   *
   * @throws CallError
   */
  async list(
    path: ResourcePath,
    query: { labelSelector?: string; limit: number; continue?: string },
  ): Promise<unknown> {
    const { continue: next, ...rest } = query;
    return this.#call(`list ${path.plural}`, () =>
      this.#objects.listNamespacedCustomObject({
        ...path,
        ...rest,
        namespace: this.namespace,
        ...(next === undefined ? {} : { _continue: next }),
      }),
    );
  }

  /**
   * Replaces the whole object, where it has the resourceVersion of the body.
   *
   * @throws CallError `conflict` when it has another one
   */
  async replace(path: ResourcePath, name: string, body: object): Promise<unknown> {
    return this.#call(`replace ${path.plural}`, () =>
      this.#objects.replaceNamespacedCustomObject({ ...path, namespace: this.namespace, name, body }),
    );
  }

  /**
   * A JSON patch (RFC 6902): its `test` operations make it all or nothing.
   *
   * @throws CallError `refused` with status 422 also when a test does not hold
   */
  async patch(path: ResourcePath, name: string, operations: readonly object[]): Promise<unknown> {
    return this.#call(`patch ${path.plural}`, () =>
      this.#objects.patchNamespacedCustomObject(
        { ...path, namespace: this.namespace, name, body: operations },
        setHeaderOptions('Content-Type', PatchStrategy.JsonPatch),
      ),
    );
  }

  /**
   * `status.phase` of a Pod; undefined when there is no such Pod.
   *
   * @throws CallError
   */
  async podPhase(name: string): Promise<string | undefined> {
    const { namespace } = this;
    try {
      const pod = await this.#call('get pods', () => this.#core.readNamespacedPod({ name, namespace }));
      return pod.status?.phase ?? '';
    } catch (error) {
      if (error instanceof CallError && error.fault === 'not_found') return undefined;
      throw error;
    }
  }

  /** @throws CallError */
  async createEvent(body: CoreV1Event): Promise<void> {
    const { namespace } = this;
    await this.#call('create events', () => this.#core.createNamespacedEvent({ namespace, body }));
  }

  /**
   * Opens a watch. `onEnd` is called once, also when it could not be opened.
   *
   * The library ends a watch in which nothing was said for 30 s.
   */
  async watch(
    path: ResourcePath,
    query: Record<string, string | number | boolean>,
    onEvent: (type: string, object: unknown) => void,
    onEnd: (error: unknown) => void,
  ): Promise<AbortController> {
    const url = `/apis/${path.group}/${path.version}/namespaces/${this.namespace}/${path.plural}`;
    return new Watch(this.#kubeConfig).watch(url, query, onEvent, onEnd);
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    await Promise.all([...this.#dispatchers.values()].map((dispatcher) => dispatcher.destroy()));
    this.#dispatchers.clear();
  }

  #poolConnections(): void {
    // `createDispatcher` is private in the types; replacing it on this one object is the seam there is.
    const maker = this.#kubeConfig as unknown as DispatcherMaker;
    const create = maker.createDispatcher.bind(maker);
    maker.createDispatcher = (cluster, agentOptions) => {
      const key = JSON.stringify(this.#kubeConfig.createDispatcherOptions(cluster, agentOptions), asText);
      const known = this.#dispatchers.get(key);
      if (known !== undefined) return known;
      const dispatcher = create(cluster, agentOptions);
      for (const [staleKey, stale] of this.#dispatchers) {
        this.#dispatchers.delete(staleKey);
        // Lets the requests that use it end first.
        void stale.close();
      }
      if (dispatcher !== undefined) this.#dispatchers.set(key, dispatcher);
      return dispatcher;
    };
  }

  async #call<Answer>(what: string, send: () => Promise<Answer>): Promise<Answer> {
    try {
      return await send();
    } catch (error) {
      throw asCallError(error, what);
    }
  }
}

/**
 * A failed read or patch as the domain knows it.
 *
 * @returns KubernetesRefusal when we lack rights or asked nonsense, else KubernetesDown
 */
export function asPortError(error: unknown): Error {
  if (!(error instanceof CallError)) return error instanceof Error ? error : new Error('unknown fault');
  if (error.fault === 'refused') return new KubernetesRefusal(error.message, { cause: error });
  return new KubernetesDown(error.message, { cause: error });
}

function asCallError(error: unknown, what: string): CallError {
  // The library's exception is not handed on even as a cause: its message is the whole answer.
  if (error instanceof ApiException) return new CallError(faultOfStatus(error.code), what, error.code, undefined);
  return new CallError(NOT_SENT.has(causeCode(error)) ? 'not_sent' : 'lost', what, undefined, error);
}

function faultOfStatus(status: number): CallFault {
  if (status === 404) return 'not_found';
  if (status === 409) return 'conflict';
  // 401: a credential that is just being rotated. 503: the API server itself says that nobody serves this API now.
  if (status === 401 || status === 429 || status === 503) return 'busy';
  return status >= 500 ? 'lost' : 'refused';
}

const NOT_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

function causeCode(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  if (typeof cause !== 'object' || cause === null) return '';
  if ('code' in cause && typeof cause.code === 'string') return cause.code;
  return 'name' in cause && typeof cause.name === 'string' ? cause.name : '';
}

function asText(_key: string, value: unknown): unknown {
  return Buffer.isBuffer(value) ? value.toString('base64') : value;
}

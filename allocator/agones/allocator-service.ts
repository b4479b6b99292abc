import { AGONES } from '../../lib/agones.ts';
import type { GameServerSelector } from '../../lib/agones.ts';
import { allocationRequestOf } from '../../lib/allocation-protocol/allocation-conversion.ts';
import type { AllocationResponse } from '../../lib/allocation-protocol/messages.ts';
import type { Clock } from '../../lib/clock.ts';
import { nameInPlaceOfUid } from '../../lib/join-token.ts';
import { pause } from '../../lib/pause.ts';
import { GAME_LABEL, parseSessionDescriptor, REGION_LABEL, SESSION_KEY } from '../../lib/session.ts';
import type { SessionDescriptor } from '../../lib/session.ts';
import { KubernetesDown, KubernetesRefusal } from '../allocation/ports.ts';
import type {
  AllocationOrder,
  AllocationOutcome,
  GameServerAllocations,
  GameServerRef,
  GameServers,
  GameServerView,
} from '../allocation/ports.ts';
import { ServiceCallError } from './allocator-service-connection.ts';
import type { AllocatorServiceConnection } from './allocator-service-connection.ts';
import type { RouteChoice } from './game-server-view.ts';
import { allocationFor } from './kubernetes-allocations.ts';
import { sessionMarks } from './marks.ts';

export interface AllocatorServiceOptions {
  /** Name of the cluster. */
  cluster: string;
  /** Of the GameServers there. */
  namespace: string;
  connection: Pick<AllocatorServiceConnection, 'allocate'>;
  route: RouteChoice;
  clock: Clock;
}

/**
 * How often, and with what pauses, the service has to say that no GameServer holds a session. Each of its replicas has a
 * view of its own, in which one that is just being written is missing for a moment.
 */
const LOOKS = 3;
const LOOK_PAUSE_MS = 400;

/**
 * A cluster whose one way in is Agones' allocator service.
 *
 * It allocates, and that is all it does: it has no watch, so nothing is known from memory, and it ends no GameServer. What
 * holds a session it tells when it is asked to allocate that very GameServer once more, which changes nothing but the time
 * of its last allocation.
 */
export class AllocatorService implements GameServerAllocations, GameServers {
  readonly #options: AllocatorServiceOptions;
  /** Two that ask for one session at once would take it from each other. */
  readonly #looks = new Map<string, Promise<readonly GameServerView[]>>();

  constructor(options: AllocatorServiceOptions) {
    this.#options = options;
  }

  async allocate(order: AllocationOrder): Promise<AllocationOutcome> {
    let answer: AllocationResponse | undefined;
    try {
      const { selectors = [], ...spec } = allocationFor(order, sessionMarks(order.session)).spec;
      // Who has the session already comes before any other.
      answer = await this.#send({ ...spec, selectors: [holderOf(order.session.sessionId), ...selectors] });
    } catch (error) {
      return outcomeOf(error);
    }
    if (answer === undefined) return { state: 'UnAllocated' };
    const gameServer = this.#view(answer, order.session);
    // An answer that makes no sense may stand for an allocation all the same.
    if (gameServer === undefined) return { state: 'Unknown' };
    return { state: 'Allocated', gameServerName: gameServer.name, gameServer };
  }

  findHolding(sessionId: string): Promise<readonly GameServerView[]> {
    const underWay = this.#looks.get(sessionId);
    if (underWay !== undefined) return underWay;
    const looking = this.#look(sessionId).finally(() => this.#looks.delete(sessionId));
    this.#looks.set(sessionId, looking);
    return looking;
  }

  async read({ name }: GameServerRef, sessionId: string): Promise<GameServerView | undefined> {
    return (await this.findHolding(sessionId)).find((view) => view.name === name);
  }

  /** @throws KubernetesDown always: who has no player ends by its own no-show limit */
  release(): Promise<boolean> {
    return Promise.reject(new KubernetesDown('an allocator service ends no GameServer'));
  }

  holding(): undefined {
    return undefined;
  }

  all(): Iterable<GameServerView> {
    return [];
  }

  noteSession(): void {}

  /** Which versions there are is not told. */
  isOutdated(): boolean {
    return false;
  }

  /** Ends are not told. */
  endOf(): undefined {
    return undefined;
  }

  onReady(): () => void {
    return () => {};
  }

  async #look(sessionId: string): Promise<readonly GameServerView[]> {
    for (let look = 1; ; look += 1) {
      const found = await this.#lookOnce(sessionId);
      if (found !== undefined) return [found];
      if (look === LOOKS) return [];
      await pause(this.#options.clock, LOOK_PAUSE_MS);
    }
  }

  async #lookOnce(sessionId: string): Promise<GameServerView | undefined> {
    let answer: AllocationResponse | undefined;
    try {
      answer = await this.#send({ selectors: [holderOf(sessionId)] });
    } catch (error) {
      if (!(error instanceof ServiceCallError)) throw error;
      if (error.fault === 'unallocated') return undefined;
      if (error.fault === 'refused') throw new KubernetesRefusal(error.message, { cause: error });
      throw new KubernetesDown(error.message, { cause: error });
    }
    if (answer === undefined) return undefined;
    const session = sessionOf(answer);
    const view = session?.sessionId === sessionId ? this.#view(answer, session) : undefined;
    if (view === undefined) throw new KubernetesDown(`cluster ${this.#options.cluster}: an answer makes no sense`);
    return view;
  }

  /** @returns undefined for an answer with nothing in it, which a service may be told to give for UnAllocated */
  async #send(spec: ReturnType<typeof allocationFor>['spec']): Promise<AllocationResponse | undefined> {
    const { connection, namespace } = this.#options;
    const allocation = { ...ALLOCATION, spec };
    const answer = await connection.allocate(allocationRequestOf(allocation, namespace));
    const isEmpty = answer.gameServerName === '' && answer.address === '' && answer.ports.length === 0;
    return isEmpty ? undefined : answer;
  }

  /** @returns undefined when it makes no sense, or is not about this session */
  #view(answer: AllocationResponse, session: SessionDescriptor): GameServerView | undefined {
    const { cluster, namespace, route } = this.#options;
    const { gameServerName: name, address, ports, metadata } = answer;
    const told = sessionOf(answer);
    const isNonsense = name === '' || address === '' || ports.length === 0 || !ports.every(({ port }) => isPort(port));
    if (isNonsense || (metadata !== null && told?.sessionId !== session.sessionId)) return undefined;
    return {
      cluster,
      name,
      uid: nameInPlaceOfUid({ namespace, name }),
      resourceVersion: '',
      game: metadata?.labels[GAME_LABEL] ?? session.game,
      fleet: metadata?.labels[AGONES.fleetLabel],
      gameServerSet: metadata?.labels[AGONES.gameServerSetLabel],
      region: metadata?.labels[REGION_LABEL],
      state: 'Allocated',
      isGoing: false,
      drainingSince: undefined,
      report: undefined,
      reportsPlayers: false,
      isDevelopment: false,
      claim: undefined,
      shared: undefined,
      session: told ?? session,
      lastAllocatedAt: metadata?.annotations[AGONES.lastAllocatedAnnotation] ?? '',
      route: routeOf(answer, route),
      direct: { address, ports },
    };
  }
}

const ALLOCATION = {
  apiVersion: 'allocation.agones.dev/v1',
  kind: 'GameServerAllocation',
  metadata: { name: '' },
};

function holderOf(sessionId: string): GameServerSelector {
  return { matchLabels: { [SESSION_KEY]: sessionId }, gameServerState: 'Allocated' };
}

/** The session that label and annotation both name. */
function sessionOf({ metadata }: AllocationResponse): SessionDescriptor | undefined {
  const session = parseSessionDescriptor(metadata?.annotations[SESSION_KEY]);
  return session?.sessionId === metadata?.labels[SESSION_KEY] ? session : undefined;
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535;
}

/** The ports that are told are those of the node; of a Pod's own address nobody says which port goes with it. */
function routeOf({ address, addresses, ports }: AllocationResponse, choice: RouteChoice): GameServerView['route'] {
  const port = ports.find(({ name }) => name === choice.portName) ?? (ports.length === 1 ? ports[0] : undefined);
  const preferred =
    choice.addressType === 'PodIP' ? undefined : addresses.find(({ type }) => type === choice.addressType)?.address;
  return port === undefined ? undefined : { address: preferred ?? address, port: port.port };
}

function outcomeOf(error: unknown): AllocationOutcome {
  if (!(error instanceof ServiceCallError)) throw error;
  switch (error.fault) {
    case 'unallocated':
      return { state: 'UnAllocated' };
    case 'contention':
      return { state: 'Contention' };
    case 'not_sent':
      return { state: 'Unavailable' };
    case 'lost':
      return { state: 'Unknown' };
    case 'refused':
      throw new KubernetesRefusal(error.message, { cause: error });
  }
}

import { resolve } from 'node:path';
import type { Fleet, GameServer, GameServerSet, KubernetesObject } from '../../../lib/agones.ts';
import { FAULTS_PATH } from '../../../local/faults/fault-requests.ts';
import type { FaultReport } from '../../../local/faults/active-fault.ts';
import { LocalProgram } from '../../../local/testing/local-program.ts';
import { eventually } from '../../helpers/conditions.ts';
import type { SeenPod } from '../faulty-local.ts';
import { allProcesses } from './measures.ts';
import type { SeenProcess } from './measures.ts';
import { ask } from './single-request.ts';
import type { SingleAnswer, SingleRequest } from './single-request.ts';

export const FLEET_SIZE = 8;
export const FLEETS = '/apis/agones.dev/v1/namespaces/default/fleets';
export const GAME_SERVERS = '/apis/agones.dev/v1/namespaces/default/gameservers';
export const PODS = '/api/v1/namespaces/default/pods';
export const ALLOCATIONS = '/apis/allocation.agones.dev/v1/namespaces/default/gameserverallocations';

/** Faults of requests and watches strike these clients alone, so that the soak sees what it does. */
export const ACTOR = 'soak-actor';

const WHOLE_DEADLINE_MS = 120_000;

/** A `local` that is a process of its own, with a Fleet of small game servers. */
export class SoakLocal {
  readonly program: LocalProgram;
  /** In the command line of each of its games, and of no other process. */
  readonly mark: string;

  private constructor(program: LocalProgram, mark: string) {
    this.program = program;
    this.mark = mark;
  }

  /** @param execArgv - options for Node */
  static async start(
    stateDirectory: string,
    { mark, execArgv = [] }: { mark: string; execArgv?: string[] },
  ): Promise<SoakLocal> {
    const game = resolve('test/faults/soak/game-server.ts');
    const environment = {
      LOCAL_MIN_GAME_PORT: '29000',
      LOCAL_MAX_GAME_PORT: '29200',
      LOCAL_ALLOCATION_BATCH_WAIT_MS: '5',
      LOCAL_SDK_WRITE_INTERVAL_MS: '20',
      LOCAL_STOP_GRACE_MS: '2000',
      LOCAL_IMAGES: JSON.stringify({ 'boat:1': { command: [process.execPath, game, mark] } }),
      // Small, so that what is bounded has reached its bound long before the end.
      LOCAL_WATCH_HISTORY: '128',
      LOCAL_LOGS_OF_ENDED_PODS: '10',
      LOG_LEVEL: 'warn',
    };
    return new SoakLocal(await LocalProgram.start(stateDirectory, environment, execArgv), mark);
  }

  get pid(): number {
    return this.program.child.pid ?? 0;
  }

  get isAlive(): boolean {
    return this.program.child.exitCode === null && this.program.child.signalCode === null;
  }

  ask(path: string, options?: SingleRequest): Promise<SingleAnswer> {
    return ask(this.program.url + path, options);
  }

  /** As a client that faults may strike. */
  act(path: string, options?: SingleRequest): Promise<SingleAnswer> {
    return this.ask(path, { ...options, userAgent: ACTOR });
  }

  async list<T extends KubernetesObject>(path: string): Promise<T[]> {
    const { status, text } = await this.ask(path);
    if (status !== 200) throw new Error(`GET ${path} was answered with ${status}: ${text}`);
    return (JSON.parse(text) as { items: T[] }).items;
  }

  gameServers(): Promise<GameServer[]> {
    return this.list<GameServer>(GAME_SERVERS);
  }

  pods(): Promise<SeenPod[]> {
    return this.list<SeenPod>(PODS);
  }

  async activeFaults(): Promise<FaultReport[]> {
    const { text } = await this.ask(FAULTS_PATH);
    return (JSON.parse(text) as { faults: FaultReport[] }).faults.filter(({ active }) => active);
  }

  async createFleet(): Promise<void> {
    const containers = [{ name: 'game', image: 'boat:1' }];
    const { status, text } = await this.ask(FLEETS, {
      method: 'POST',
      body: {
        apiVersion: 'agones.dev/v1',
        kind: 'Fleet',
        metadata: { name: 'boats' },
        spec: {
          replicas: FLEET_SIZE,
          strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
          template: {
            spec: {
              ports: [{ name: 'ws', portPolicy: 'Passthrough', protocol: 'TCP' }],
              health: { initialDelaySeconds: 4, periodSeconds: 1, failureThreshold: 2 },
              template: { spec: { terminationGracePeriodSeconds: 1, containers } },
            },
          },
        },
      },
    });
    if (status !== 201) throw new Error(`the Fleet was refused with ${status}: ${text}`);
  }

  /** Starts a fault that it does not refuse. */
  async fault(fault: object): Promise<void> {
    const { status, text } = await this.ask(FAULTS_PATH, { method: 'POST', body: fault });
    if (status !== 201) throw new Error(`${JSON.stringify(fault)} was answered with ${status}: ${text}`);
  }

  /** Ends every fault, and waits until the Fleet is whole. */
  async settle(size: number): Promise<GameServer[]> {
    await this.ask(FAULTS_PATH, { method: 'DELETE' });
    await this.ask(`${FLEETS}/boats`, { method: 'PATCH', body: { spec: { replicas: size } } });
    return this.whole(size);
  }

  /** Waits until a game is there that it has not told of yet. */
  async startsAnother(): Promise<void> {
    const known = new Set(this.games().map(({ pid }) => pid));
    await eventually(
      'another game',
      WHOLE_DEADLINE_MS,
      () => this.games().some(({ pid }) => !known.has(pid)) || undefined,
    );
  }

  /** Waits until the Fleet is as it was asked for, and what is left of it matches. */
  whole(size: number): Promise<GameServer[]> {
    return eventually(`a whole Fleet of ${size}`, WHOLE_DEADLINE_MS, async () => {
      const gameServers = await this.gameServers();
      return (await this.#whatIsAmiss(size, gameServers)) === undefined ? gameServers : undefined;
    }).catch(async (error: unknown) => {
      const why = await this.#whatIsAmiss(size, await this.gameServers());
      throw new Error(`the Fleet is not whole: ${why}`, { cause: error });
    });
  }

  async #whatIsAmiss(size: number, gameServers: readonly GameServer[]): Promise<string | undefined> {
    const states = gameServers.map(({ status }) => status?.state ?? '');
    const allocated = states.filter((state) => state === 'Allocated').length;
    const ready = states.filter((state) => state === 'Ready').length;
    const told = `${gameServers.length} GameServers: ${states.toSorted().join(', ')}`;
    if (ready + allocated !== gameServers.length || ready !== Math.max(0, size - allocated)) return told;
    const [fleet] = await this.list<Fleet>(FLEETS);
    const { replicas, readyReplicas, allocatedReplicas } = fleet?.status ?? {};
    const counted = [replicas, readyReplicas, allocatedReplicas];
    if (counted.join() !== [gameServers.length, ready, allocated].join())
      return `the Fleet counts ${counted.join()}, ${told}`;
    const sets = await this.list<GameServerSet>('/apis/agones.dev/v1/namespaces/default/gameserversets');
    const owners = new Set(gameServers.map(({ metadata }) => metadata.ownerReferences?.[0]?.uid));
    const empty = sets.filter(({ metadata, spec }) => spec.replicas === 0 && !owners.has(metadata.uid));
    if (empty.length > 0) return `${empty.length} sets that are empty are left`;
    const names = (objects: readonly KubernetesObject[]): string =>
      objects
        .map(({ metadata }) => metadata.name)
        .toSorted()
        .join();
    const pods = await this.pods();
    if (names(pods) !== names(gameServers)) return `Pods ${names(pods)} of GameServers ${names(gameServers)}`;
    if (pods.some(({ status }) => status.phase !== 'Running')) return 'a Pod that does not run';
    return undefined;
  }

  /** SIGTERM. @returns its exit code */
  async stop(): Promise<number | null> {
    this.program.child.kill('SIGTERM');
    return this.program.exited;
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    this.program.child.kill('SIGKILL');
    await this.program.exited;
  }

  /** SIGKILL to it and to every game that it has started. */
  async end(): Promise<void> {
    await this.kill();
    for (const { pid } of this.games()) process.kill(pid, 'SIGKILL');
  }

  /** Its games that are there, whoever their parent is. */
  games(): SeenProcess[] {
    return allProcesses().filter(({ command }) => command.includes(`game-server.ts ${this.mark}`));
  }
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { GameServer, GameServerAllocation, GameServerState, KubernetesObject } from '../../lib/agones.ts';
import { systemClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/logger.ts';
import { openWatch } from '../../local/api/testing/api-fixture.ts';
import type { TestWatch } from '../../local/api/testing/api-fixture.ts';
import { loadConfig } from '../../local/config.ts';
import type { CoreEvent } from '../../local/controllers/event-recorder.ts';
import type { FaultReport } from '../../local/faults/active-fault.ts';
import { FAULTS_PATH } from '../../local/faults/fault-requests.ts';
import { startLocal } from '../../local/local.ts';
import type { Local } from '../../local/local.ts';
import { eventually } from '../helpers/conditions.ts';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const GAME_SERVERS = '/apis/agones.dev/v1/namespaces/default/gameservers';
export const ALLOCATIONS = '/apis/allocation.agones.dev/v1/namespaces/default/gameserverallocations';
const DEADLINE_MS = 20_000;

const GAME_SERVER_SPEC = {
  ports: [{ name: 'ws', portPolicy: 'Passthrough', protocol: 'TCP' }],
  template: {
    spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'game', image: 'boat:1' }] },
  },
};

/** A health check that gives up a silent game in two or three seconds. */
export const SHORT_HEALTH = { health: { initialDelaySeconds: 1, periodSeconds: 1, failureThreshold: 2 } };

/** A Pod, as far as tests look. */
export interface SeenPod extends KubernetesObject {
  spec: { nodeName?: string };
  status: {
    phase: string;
    containerStatuses?: {
      containerID?: string;
      state: { running?: object; terminated?: { exitCode: number; signal?: number } };
    }[];
  };
}

/** What came of a request, or of the connection it was sent on. */
export interface Outcome {
  /** 0 when the connection broke before an answer. */
  status: number;
  // Tests read answers of many shapes; what is not there fails the expectation.
  // oxlint-disable-next-line typescript/no-explicit-any
  body: any;
  headers: Headers;
}

/** All of `local` in this process, on a port and in a folder of its own, with games that are Ready at once. */
export class FaultyLocal {
  readonly local: Local;
  /** What the command line calls its state directory. */
  readonly directory: string;

  private constructor(local: Local, directory: string) {
    this.local = local;
    this.directory = directory;
  }

  static async start(environment: Record<string, string> = {}): Promise<FaultyLocal> {
    const directory = mkdtempSync(join(tmpdir(), 'regatta-faults-'));
    const config = loadConfig({
      PATH: process.env['PATH'],
      LOCAL_STATE_DIR: join(directory, 'local'),
      LOCAL_PORT: '0',
      LOCAL_MIN_GAME_PORT: '29000',
      LOCAL_MAX_GAME_PORT: '29200',
      LOCAL_ALLOCATION_BATCH_WAIT_MS: '5',
      LOCAL_SDK_WRITE_INTERVAL_MS: '10',
      LOCAL_STOP_GRACE_MS: '500',
      LOCAL_IMAGES: JSON.stringify({
        'boat:1': { command: [process.execPath, resolve('test/faults/soak/game-server.ts')] },
      }),
      ...environment,
    });
    return new FaultyLocal(await startLocal({ config, clock: systemClock, logger: silentLogger }), directory);
  }

  get url(): string {
    return this.local.url;
  }

  async stop(): Promise<void> {
    await this.local.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  async request(
    method: string,
    path: string,
    body?: object | string,
    headers: Record<string, string> = {},
  ): Promise<Outcome> {
    try {
      const answer = await fetch(this.url + path, {
        method,
        headers: {
          'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
        signal: AbortSignal.timeout(DEADLINE_MS),
      });
      const text = await answer.text();
      const isJson = answer.headers.get('content-type')?.startsWith('application/json') === true;
      return { status: answer.status, body: isJson ? JSON.parse(text) : text, headers: answer.headers };
    } catch (error) {
      return { status: 0, body: error, headers: new Headers() };
    }
  }

  /** Starts a fault over HTTP. */
  async fault(asked: object): Promise<FaultReport> {
    const { status, body } = await this.request('POST', FAULTS_PATH, asked);
    if (status !== 201) throw new Error(`the fault was refused: ${JSON.stringify(body)}`);
    return body as FaultReport;
  }

  async report(id: string): Promise<FaultReport> {
    return (await this.request('GET', `${FAULTS_PATH}/${id}`)).body as FaultReport;
  }

  async endFault(id: string): Promise<FaultReport> {
    return (await this.request('DELETE', `${FAULTS_PATH}/${id}`)).body as FaultReport;
  }

  watch(path: string, headers?: Record<string, string>): Promise<TestWatch> {
    return openWatch(this.url + path, headers);
  }

  /** A watch over the ConfigMaps, from now on. */
  async watchConfigMaps(options = ''): Promise<TestWatch> {
    const { body } = await this.request('GET', CONFIG_MAPS);
    return this.watch(`${CONFIG_MAPS}?watch=true&resourceVersion=${body.metadata.resourceVersion}${options}`);
  }

  createConfigMap(name: string): Promise<Outcome> {
    return this.request('POST', CONFIG_MAPS, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });
  }

  patchConfigMap(name: string, value: string): Promise<Outcome> {
    return this.request('PATCH', `${CONFIG_MAPS}/${name}`, { data: { value } });
  }

  /** Makes a Fleet; `gameServer` goes over the template's spec. */
  async createFleet(name: string, replicas: number, gameServer: object = {}): Promise<void> {
    const { status, body } = await this.request('POST', '/apis/agones.dev/v1/namespaces/default/fleets', {
      apiVersion: 'agones.dev/v1',
      kind: 'Fleet',
      metadata: { name },
      spec: { replicas, template: { spec: { ...GAME_SERVER_SPEC, ...gameServer } } },
    });
    if (status !== 201) throw new Error(`the Fleet was refused: ${JSON.stringify(body)}`);
  }

  /** Makes a GameServer that nobody replaces; `gameServer` goes over its spec. */
  async createGameServer(name: string, gameServer: object = {}): Promise<void> {
    const { status, body } = await this.request('POST', GAME_SERVERS, {
      apiVersion: 'agones.dev/v1',
      kind: 'GameServer',
      metadata: { name },
      spec: { ...GAME_SERVER_SPEC, ...gameServer },
    });
    if (status !== 201) throw new Error(`the GameServer was refused: ${JSON.stringify(body)}`);
  }

  async deleteGameServer(name: string): Promise<void> {
    await this.request('DELETE', `${GAME_SERVERS}/${name}`);
    await until(`${name} gone`, () => this.gameServer(name) === undefined);
  }

  /** Waits for a GameServer to be in the state. */
  async becomes(name: string, state: GameServerState): Promise<GameServer> {
    return eventually(`${name} ${state}`, DEADLINE_MS, () => {
      const gameServer = this.gameServer(name);
      return gameServer?.status?.state === state ? gameServer : undefined;
    });
  }

  pod(name: string): SeenPod | undefined {
    return this.object<SeenPod>('pods', name);
  }

  /** The process of a GameServer's game; undefined before it starts. */
  processIdOf(name: string): number | undefined {
    const id = this.pod(name)?.status.containerStatuses?.[0]?.containerID;
    return id === undefined ? undefined : Number(id.replace('process://', ''));
  }

  /** The reasons of the events about an object, oldest first. */
  eventsOf(name: string): string[] {
    return this.local.store
      .list<CoreEvent>('events')
      .filter(({ involvedObject }) => involvedObject.name === name)
      .map(({ reason }) => reason);
  }

  gameServers(): GameServer[] {
    return this.local.store.list<GameServer>('gameservers');
  }

  gameServer(name: string): GameServer | undefined {
    return this.local.store.find<GameServer>('gameservers', 'default', name);
  }

  /** Waits for so many GameServers in the state. */
  inState(count: number, state: GameServerState): Promise<GameServer[]> {
    return eventually(`${count} GameServers ${state}`, DEADLINE_MS, () => {
      const found = this.gameServers().filter(({ status }) => status?.state === state);
      return found.length === count ? found : undefined;
    });
  }

  allocate(fleet = 'boats'): Promise<Outcome> {
    const allocation: Omit<GameServerAllocation, 'metadata'> = {
      apiVersion: 'allocation.agones.dev/v1',
      kind: 'GameServerAllocation',
      spec: { selectors: [{ matchLabels: { 'agones.dev/fleet': fleet } }] },
    };
    return this.request('POST', ALLOCATIONS, allocation);
  }

  setState(name: string, state: GameServerState): Promise<Outcome> {
    return this.request('PATCH', `${GAME_SERVERS}/${name}`, { status: { state } });
  }

  object<T extends KubernetesObject>(resource: string, name: string): T | undefined {
    return this.local.store.find<T>(resource, 'default', name);
  }
}

/** Waits until the condition holds, for as long as tests wait. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  await eventually(what, DEADLINE_MS, async () => ((await holds()) ? true : undefined));
}

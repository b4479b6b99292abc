import type { Client } from '@grpc/grpc-js';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { Agent, request as sendRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChildProgram } from '../../../bin/child-program.ts';
import { chooseFreePort } from '../../../bin/free-ports.ts';
import { eventually } from '../../helpers/conditions.ts';
import type { HttpOutcome } from './by-design.ts';
import { FUZZED_KINDS, NAMESPACE } from './canaries.ts';
import { targetOf } from './fuzz-request.ts';
import type { FuzzRequest } from './fuzz-request.ts';
import { call, grpcClient } from './grpc-calls.ts';
import type { GrpcCall, GrpcOutcome } from './grpc-calls.ts';

const DEADLINE_MS = 30_000;
/** How long an answer may go on without a byte before it counts as a stream, which is left. */
const STREAM_QUIET_MS = 25;
const GAME = 'quiet-game';
const EVERYTHING = [...FUZZED_KINDS.map(({ path }) => path), '/api/v1/namespaces', '/api/v1/nodes'];

/** What `metadata` may have in it. */
const METADATA_FIELDS = new Set([
  'annotations',
  'creationTimestamp',
  'deletionGracePeriodSeconds',
  'deletionTimestamp',
  'finalizers',
  'generateName',
  'generation',
  'labels',
  'managedFields',
  'name',
  'namespace',
  'ownerReferences',
  'resourceVersion',
  'selfLink',
  'uid',
]);

interface Stored {
  kind: string;
  metadata: { name: string; resourceVersion: string; namespace?: string; finalizers?: string[] };
}

/** The object-plus-list answers of the API, as far as they are looked at here. */
interface Answer {
  items: Stored[];
  metadata: { resourceVersion: string };
}

/** A `local` in a process of its own with one game server, the allocator service in the clear, and one canary a kind. */
export class FuzzedLocal {
  readonly processId: number;
  readonly #program: ChildProgram;
  readonly #directory: string;
  readonly #logFile: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 4 });
  readonly #ports: { api: number; sdkHttp: number; sdkGrpc: number; allocatorHttp: number; allocatorGrpc: number };
  readonly #clients: { sdk: Client; allocator: Client };

  private constructor(program: ChildProgram, directory: string, logFile: string, ports: FuzzedLocal['ports']) {
    this.#program = program;
    this.#directory = directory;
    this.#logFile = logFile;
    this.#ports = ports;
    this.#clients = { sdk: grpcClient(ports.sdkGrpc), allocator: grpcClient(ports.allocatorGrpc) };
    this.processId = program.processId ?? 0;
  }

  static async start(): Promise<FuzzedLocal> {
    const directory = await mkdtemp(join(tmpdir(), 'regatta-fuzz-'));
    const logFile = join(directory, 'local.log');
    const [allocatorHttp, allocatorGrpc] = [await chooseFreePort(), await chooseFreePort()];
    const program = await ChildProgram.start({
      name: 'local',
      main: 'local/main.ts',
      logFile,
      readyDeadlineMs: DEADLINE_MS,
      env: {
        LOCAL_STATE_DIR: join(directory, 'state'),
        LOCAL_PORT: '0',
        LOCAL_MIN_GAME_PORT: '29300',
        LOCAL_MAX_GAME_PORT: '29500',
        LOCAL_ALLOCATION_BATCH_WAIT_MS: '0',
        LOCAL_SDK_WRITE_INTERVAL_MS: '1',
        LOCAL_ALLOCATOR_HTTP_PORT: String(allocatorHttp),
        LOCAL_ALLOCATOR_GRPC_PORT: String(allocatorGrpc),
        LOCAL_ALLOCATOR_DISABLE_TLS: 'true',
        LOCAL_IMAGES: JSON.stringify({
          'quiet:1': { command: ['node', join(import.meta.dirname, 'quiet-game.ts')] },
        }),
      },
    });
    const api = Number(new URL(program.ready.url ?? '').port);
    const starting = new FuzzedLocal(program, directory, logFile, {
      api,
      sdkHttp: 0,
      sdkGrpc: 0,
      allocatorHttp,
      allocatorGrpc,
    });
    const { http, grpc } = await starting.#startGame();
    starting.#clients.sdk.close();
    starting.#clients.allocator.close();
    const local = new FuzzedLocal(program, directory, logFile, { ...starting.ports, sdkHttp: http, sdkGrpc: grpc });
    await local.restore();
    return local;
  }

  get ports() {
    return this.#ports;
  }

  get exited(): Promise<number | null> {
    return this.#program.exited;
  }

  async stop(): Promise<void> {
    this.closeConnections();
    await this.#program.stop();
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  /** Ends what its clients keep open. */
  closeConnections(): void {
    this.#agent.destroy();
    this.#clients.sdk.close();
    this.#clients.allocator.close();
  }

  /** What it said was wrong with itself, a line each. */
  async errors(): Promise<string[]> {
    const lines = (await readFile(this.#logFile, 'utf8')).split('\n');
    return lines.filter((line) => line !== '' && !/"level":"?(10|20|30|40|debug|info|warn)/.test(line));
  }

  /** How many files and sockets its process has open; where the system does not tell, undefined. */
  async openHandles(): Promise<number | undefined> {
    if (process.platform !== 'linux') return undefined;
    return (await readdir(`/proc/${this.processId}/fd`)).length;
  }

  /** @throws Error when there is no answer at all */
  send(request: FuzzRequest): Promise<HttpOutcome> {
    const port = { api: this.#ports.api, sdk: this.#ports.sdkHttp, allocator: this.#ports.allocatorHttp }[
      request.service
    ];
    return new Promise((resolve, reject) => {
      const sent = sendRequest(
        {
          host: '127.0.0.1',
          port,
          agent: this.#agent,
          method: request.method,
          path: targetOf(request),
          headers: withLength(request),
          timeout: DEADLINE_MS,
        },
        (response) => {
          readAnswer(response, () => sent.destroy()).then(resolve, reject);
        },
      );
      sent.on('upgrade', (response, socket) => {
        socket.destroy();
        resolve({ status: response.statusCode ?? 0, contentType: '', text: '' });
      });
      sent.on('timeout', () => sent.destroy(new Error('no answer in time')));
      sent.on('error', reject);
      sent.end(request.body);
    });
  }

  call(asked: GrpcCall): Promise<GrpcOutcome> {
    return call(this.#clients[asked.service], asked);
  }

  /** The version of the newest change, of whatever kind. */
  async version(): Promise<string> {
    return (await this.#get<Answer>('/api/v1/namespaces/none/configmaps')).metadata.resourceVersion;
  }

  /** Waits until nothing changes any more, which is so when nothing did between two looks. */
  async settled(): Promise<string> {
    let before = await this.version();
    return eventually('nothing changes any more', DEADLINE_MS, async () => {
      for (let look = 0; look < 10; look += 1) {
        await new Promise((resolve) => setTimeout(resolve, 4));
        const now = await this.version();
        if (now === before) return now;
        before = now;
      }
      return undefined;
    });
  }

  /** A fingerprint of everything that is stored. */
  async digest(): Promise<string> {
    const hash = createHash('sha256');
    for (const path of EVERYTHING) hash.update(JSON.stringify((await this.#get<Answer>(path)).items));
    return hash.digest('hex');
  }

  /** Objects that no Kubernetes would have stored. */
  async strangeObjects(): Promise<string[]> {
    const strange: string[] = [];
    for (const path of FUZZED_KINDS.map((kind) => kind.path)) {
      for (const { metadata, kind } of (await this.#get<Answer>(path)).items) {
        const unknown = Object.keys(metadata).filter((key) => !METADATA_FIELDS.has(key));
        if (unknown.length > 0) strange.push(`a ${kind} has metadata of its own making: ${unknown.join(', ')}`);
        if (!/^[a-z0-9][-.a-z0-9]{0,252}$/.test(metadata.name)) strange.push(`a ${kind} is called ${metadata.name}`);
      }
    }
    return strange;
  }

  /** Takes away whatever requests have left behind, and puts every canary back. */
  async restore(): Promise<void> {
    await this.#post('/api/v1/namespaces', { metadata: { name: NAMESPACE } });
    for (const { path } of FUZZED_KINDS) await this.#empty(path);
    await eventually('nothing is left', DEADLINE_MS, async () => {
      for (const { path } of FUZZED_KINDS) {
        if (path.endsWith('/events')) continue;
        if ((await this.#get<Answer>(path)).items.length > 0) {
          await this.#empty(path);
          return undefined;
        }
      }
      return true;
    });
    for (const { path, objects } of FUZZED_KINDS) {
      const [canary] = objects;
      if (canary !== undefined) await this.#post(path, canary);
    }
    await this.settled();
  }

  async #empty(path: string): Promise<void> {
    for (const { metadata } of (await this.#get<Answer>(path)).items) {
      if (metadata.finalizers?.some((name) => !name.startsWith('agones.dev/')) === true) {
        await this.#request('PATCH', `${path}/${metadata.name}`, { metadata: { finalizers: null } });
      }
    }
    await this.#request('DELETE', path, { propagationPolicy: 'Background', gracePeriodSeconds: 0 });
  }

  async #startGame(): Promise<{ http: number; grpc: number }> {
    await this.#post('/apis/agones.dev/v1/namespaces/default/gameservers', {
      apiVersion: 'agones.dev/v1',
      kind: 'GameServer',
      metadata: { name: GAME },
      spec: {
        health: { disabled: true },
        ports: [{ name: 'game', portPolicy: 'Passthrough', protocol: 'TCP' }],
        counters: { rooms: { count: 1, capacity: 10 } },
        lists: { players: { capacity: 10, values: ['ada'] } },
        template: { spec: { containers: [{ name: 'game', image: 'quiet:1' }] } },
      },
    });
    return eventually('the game tells its ports', DEADLINE_MS, async () => {
      const { text } = await this.#request('GET', `/api/v1/namespaces/default/pods/${GAME}/log`);
      return text.startsWith('{"http"') ? (JSON.parse(text) as { http: number; grpc: number }) : undefined;
    });
  }

  async #get<T>(path: string): Promise<T> {
    const { status, text } = await this.#request('GET', path);
    if (status !== 200) throw new Error(`GET ${path} answered ${status}: ${text}`);
    return JSON.parse(text) as T;
  }

  async #post(path: string, object: object): Promise<void> {
    const { status, text } = await this.#request('POST', path, object);
    if (status !== 201 && status !== 409) throw new Error(`POST ${path} answered ${status}: ${text}`);
  }

  #request(method: string, path: string, body?: object): Promise<HttpOutcome> {
    const contentType = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    return this.send({
      service: 'api',
      method,
      path,
      query: [],
      headers: { 'content-type': contentType },
      body: body === undefined ? undefined : Buffer.from(JSON.stringify(body)),
    });
  }
}

/** Node gives a body no length with methods that usually have none. */
function withLength({ headers, body }: FuzzRequest): Record<string, string> {
  if (body === undefined || headers['transfer-encoding'] !== undefined) return headers;
  return { ...headers, 'content-length': String(body.length) };
}

function readAnswer(response: IncomingMessage, leave: () => void): Promise<HttpOutcome> {
  const { statusCode: status = 0, headers } = response;
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(quiet);
      resolve({ status, contentType: headers['content-type'] ?? '', text: Buffer.concat(chunks).toString() });
    };
    const quiet = setTimeout(
      () => {
        leave();
        finish();
      },
      STREAM_QUIET_MS * (headers['content-length'] === undefined ? 1 : 400),
    );
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      quiet.refresh();
    });
    response.on('end', finish);
    response.on('error', finish);
  });
}

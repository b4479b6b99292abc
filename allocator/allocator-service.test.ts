import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import type { sendUnaryData } from '@grpc/grpc-js';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ALLOCATE_METHOD } from '../lib/allocation-protocol/allocate-method.ts';
import type { AllocationRequest, AllocationResponse } from '../lib/allocation-protocol/messages.ts';
import { RouteOpener } from '../lib/join-token.ts';
import { generateKeys, parseKeySet } from '../lib/key-set.ts';
import { SESSION_KEY } from '../lib/session.ts';
import {
  CERTIFICATE_FILES,
  ensureLocalCertificates,
} from '../local/allocator-service/certificates/local-certificates.ts';
import { KubernetesEndpoint } from './testing/kubernetes-endpoint.ts';
import { startTestAllocator } from './testing/running-allocator.ts';
import type { TestAllocator } from './testing/running-allocator.ts';

type Answer = sendUnaryData<AllocationResponse>;

type Behaviour = (request: AllocationRequest, answer: Answer) => void;

/** A gRPC server that answers as the test says, and writes down what it was asked. */
class ScriptedService {
  readonly asked: AllocationRequest[] = [];
  /** Answers to allocations, in order; afterwards nothing is to be had. */
  readonly script: Behaviour[] = [];
  /** Answers to those who look for a session, in order; afterwards there is none. */
  readonly looks: Behaviour[] = [];
  readonly #server = new Server();
  port = 0;

  static async start(directory: string): Promise<ScriptedService> {
    const service = new ScriptedService();
    const read = (file: string) => readFileSync(join(directory, file));
    service.#server.addService(
      { allocate: ALLOCATE_METHOD },
      {
        allocate: ({ request }: { request: AllocationRequest }, answer: Answer) => {
          service.asked.push(request);
          const script = isLook(request) ? service.looks : service.script;
          (script.shift() ?? refuses(status.RESOURCE_EXHAUSTED))(request, answer);
        },
      },
    );
    const pair = {
      cert_chain: read(CERTIFICATE_FILES.serverCertificate),
      private_key: read(CERTIFICATE_FILES.serverKey),
    };
    const credentials = ServerCredentials.createSsl(read(CERTIFICATE_FILES.serverAuthority), [pair], true);
    service.port = await new Promise((resolve, reject) => {
      service.#server.bindAsync('127.0.0.1:0', credentials, (error, port) => {
        if (error === null) resolve(port);
        else reject(error);
      });
    });
    return service;
  }

  /** Those that would allocate a GameServer that is Ready, not those that look for a session. */
  get allocations(): AllocationRequest[] {
    return this.asked.filter((request) => !isLook(request));
  }

  stop(): void {
    this.#server.forceShutdown();
  }
}

function isLook({ gameServerSelectors }: AllocationRequest): boolean {
  return gameServerSelectors.every(({ gameServerState }) => gameServerState === 'ALLOCATED');
}

function refuses(code: number): Behaviour {
  return (_request, answer) => {
    answer({ code, details: 'this text must not get out' });
  };
}

/** As Agones answers, with the metadata that the request brought. */
function allocated(name: string, change: Partial<AllocationResponse> = {}): Behaviour {
  return ({ metadata }, answer) => {
    answer(null, {
      gameServerName: name,
      ports: [{ name: 'game', port: 7100 }],
      address: '203.0.113.9',
      nodeName: 'node',
      source: 'local',
      metadata: { labels: metadata?.labels ?? {}, annotations: metadata?.annotations ?? {} },
      addresses: [
        { type: 'ExternalIP', address: '198.51.100.4' },
        { type: 'PodIP', address: '10.9.9.9' },
      ],
      counters: {},
      lists: {},
      ...change,
    });
  };
}

const silent = (): void => {};

let directory: string;
let service: ScriptedService;
/** A cluster that is asked after the service. */
let west: KubernetesEndpoint;
let allocator: TestAllocator;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'regatta-allocator-service-client-'));
  ensureLocalCertificates(directory, [], Date.now());
  service = await ScriptedService.start(directory);
  west = await KubernetesEndpoint.start();
  west.addFleet('boats', 'boat-race', 8);
  west.addGameServer('west-0', 'boat-race');
});

afterEach(async () => {
  await allocator.stop();
  service.stop();
  await west.close();
  rmSync(directory, { recursive: true });
});

async function start(fields = ''): Promise<void> {
  writeFileSync(join(directory, 'west.json'), west.kubeconfig);
  const clusters = join(directory, 'clusters.yaml');
  writeFileSync(
    clusters,
    `clusters:
      - name: far
        region: asia
        games: [{ name: boat-race, seats: 8 }]
        allocator: { endpoint: 'localhost:${service.port}', namespace: games, caFile: ${CERTIFICATE_FILES.serverAuthority},
          certFile: ${CERTIFICATE_FILES.clientCertificate}, keyFile: ${CERTIFICATE_FILES.clientKey} }
        ${fields}
      - { name: west, region: america, kubeconfig: west.json, priority: 1 }`,
  );
  const environment = {
    CLUSTERS_FILE: clusters,
    ALLOCATE_BY: 'Patch',
    KUBERNETES_TIMEOUT_MS: '400',
    DIRECT_MODE: 'true',
  };
  allocator = await startTestAllocator(() => {}, environment, undefined, { kubernetes: west, keys: generateKeys() });
}

const newGame = (headers: Record<string, string> = { prefer: 'wait=5' }) =>
  allocator.post('/api/new-game', { playerId: 'a', region: 'asia' }, headers);

function inWest(): string[] {
  return west.gameServers().flatMap(({ status: is, metadata }) => (is?.state === 'Allocated' ? [metadata.name] : []));
}

describe('an allocation by the allocator service', () => {
  it('asks for a Ready GameServer of the game, brings the session, and answers with where it is', async () => {
    await start();
    service.script.push(allocated('far-1'));
    const { status: code, body } = await newGame();
    expect(code).toBe(201);
    expect(body).toMatchObject({ address: '203.0.113.9', ports: [{ name: 'game', port: 7100 }] });
    expect(service.asked).toHaveLength(1);
    const [request] = service.asked;
    expect(request).toMatchObject({
      namespace: 'games',
      multiClusterSetting: { enabled: false },
      gameServerSelectors: [
        { matchLabels: { [SESSION_KEY]: body.sessionId }, gameServerState: 'ALLOCATED' },
        { matchLabels: { 'regatta.dev/game': 'boat-race', 'regatta.dev/region': 'asia' }, gameServerState: 'READY' },
        { matchLabels: { 'regatta.dev/game': 'boat-race' }, gameServerState: 'READY' },
      ],
      metadata: { labels: { [SESSION_KEY]: body.sessionId } },
    });
    expect(request?.metadata?.annotations[SESSION_KEY]).toContain(body.sessionId);
    const opener = new RouteOpener(parseKeySet(allocator.keys.sealing, 'seal', 'sealing'));
    const token = new URL(body.wsUrl).searchParams.get('token') ?? '';
    expect(await opener.open(token, Date.now() / 1000)).toMatchObject({
      // Of the Pod's own address nobody told the port.
      address: '203.0.113.9',
      port: 7100,
      gameServerUid: 'name:games/far-1',
    });
  });

  it('leads to the address of the type that the cluster is configured with', async () => {
    await start('addressType: ExternalIP');
    service.script.push(allocated('far-1'));
    const { body } = await newGame();
    const opener = new RouteOpener(parseKeySet(allocator.keys.sealing, 'seal', 'sealing'));
    const token = new URL(body.wsUrl).searchParams.get('token') ?? '';
    expect(await opener.open(token, Date.now() / 1000)).toMatchObject({ address: '198.51.100.4', port: 7100 });
  });

  it.each<[string, Behaviour]>([
    ['nothing is to be had', refuses(status.RESOURCE_EXHAUSTED)],
    [
      'nothing is to be had, and it says so with an empty answer',
      allocated('', { ports: [], address: '', addresses: [] }),
    ],
    ['others were quicker', refuses(status.ABORTED)],
    ['it does not accept what we send', refuses(422)],
    ['it does not let us in', refuses(status.PERMISSION_DENIED)],
  ])('goes on to the next cluster when %s', async (_why, answer) => {
    await start();
    service.script.push(answer);
    expect((await newGame()).body.allocation.gameServer).toBe('west-0');
    expect(service.allocations).toHaveLength(1);
  });

  it('goes on to the next cluster when nothing listens there', async () => {
    await start();
    service.stop();
    expect((await newGame()).body.allocation.gameServer).toBe('west-0');
  });
});

describe('an allocation by the service whose answer says nothing', () => {
  it.each<[string, Behaviour]>([
    ['does not come', silent],
    ['is an error that may mean anything', refuses(status.UNKNOWN)],
    ['breaks off', refuses(status.UNAVAILABLE)],
    ['has no name', allocated('')],
    ['has no ports', allocated('far-1', { ports: [] })],
    ['has a port that is none', allocated('far-1', { ports: [{ name: 'game', port: 70_000 }] })],
    ['has a port below any', allocated('far-1', { ports: [{ name: 'game', port: -1 }] })],
    ['has no address', allocated('far-1', { address: '' })],
    ['is about another session', allocated('far-1', { metadata: { labels: { [SESSION_KEY]: 'x' }, annotations: {} } })],
    ['is larger than any', allocated('far-1', { nodeName: 'x'.repeat(5 * 1024 * 1024) })],
  ])('is followed up there and nowhere else when it %s', async (_how, answer) => {
    await start();
    let asked: AllocationRequest | undefined;
    service.script.push((request, reply) => {
      asked = request;
      answer(request, reply);
    });
    // It was carried out: whoever looks for the session finds it.
    service.looks.push((_look, reply) => {
      allocated('far-7')(asked!, reply);
    });
    const { status: code, body } = await newGame();
    expect(code).toBe(201);
    expect(body.allocation.gameServer).toBe('far-7');
    const look = service.asked.find(isLook);
    expect(look?.gameServerSelectors).toMatchObject([
      { matchLabels: { [SESSION_KEY]: body.sessionId }, gameServerState: 'ALLOCATED' },
    ]);
    // To look changes nothing.
    expect(look?.metadata ?? { labels: {}, annotations: {} }).toEqual({ labels: {}, annotations: {} });
    expect(service.allocations).toHaveLength(1);
    expect(inWest()).toEqual([]);
  });

  it('goes to the next cluster once the service has said again and again that there is none', async () => {
    await start();
    service.script.push(silent);
    const { body } = await newGame();
    expect(body.allocation.gameServer).toBe('west-0');
    expect(service.asked.length - service.allocations.length).toBeGreaterThanOrEqual(3);
  });

  it('is a typed refusal, and nothing is allocated elsewhere, while every answer is nonsense', async () => {
    await start();
    const nonsense = allocated('far-1', { ports: [{ name: 'game', port: 70_000 }] });
    service.script.push(nonsense);
    service.looks.push(...Array.from({ length: 100 }, () => nonsense));
    expect((await newGame({ prefer: 'wait=1' })).body).toMatchObject({ code: 'allocation_unknown', status: 504 });
    expect(service.allocations).toHaveLength(1);
    expect(inWest()).toEqual([]);
  });
});

describe('a session that was made by the service', () => {
  it('is found by whoever is invited, and told as unknown when it is gone', async () => {
    await start();
    let asked: AllocationRequest | undefined;
    service.script.push((request, reply) => {
      asked = request;
      allocated('far-1')(request, reply);
    });
    const { body } = await newGame();
    service.looks.push((_look, reply) => {
      allocated('far-1')(asked!, reply);
    });
    const joined = await allocator.post(`/api/sessions/${body.sessionId}/join`, { playerId: 'b' });
    expect(joined.status).toBe(201);
    expect((await allocator.post(`/api/sessions/${body.sessionId}/join`, { playerId: 'c' })).body.code).toBe(
      'session_not_found',
    );
  });

  it('is the same for the same key after a restart', async () => {
    await start();
    let asked: AllocationRequest | undefined;
    service.script.push((request, reply) => {
      asked = request;
      allocated('far-1')(request, reply);
    });
    const key = { 'idempotency-key': 'again', prefer: 'wait=5' };
    const { body } = await newGame(key);
    const { keys } = allocator;
    await allocator.stop();
    allocator = await startTestAllocator(
      () => {},
      { CLUSTERS_FILE: join(directory, 'clusters.yaml'), ALLOCATE_BY: 'Patch', KUBERNETES_TIMEOUT_MS: '400' },
      undefined,
      { kubernetes: west, keys },
    );
    service.looks.push((_look, reply) => {
      allocated('far-1')(asked!, reply);
    });
    const again = await newGame(key);
    expect(again.body.sessionId).toBe(body.sessionId);
    expect(service.allocations).toHaveLength(1);
    expect(inWest()).toEqual([]);
  });
});

import { Client, credentials, Metadata } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock, systemClock } from '../../../lib/clock.ts';
import { silentLogger } from '../../../lib/logger.ts';
import type { Logger } from '../../../lib/logger.ts';
import { createAllocationEngine } from '../../allocation/allocation-engine.ts';
import type { AllocationEngine } from '../../allocation/allocation-engine.ts';
import { TestCluster } from '../../controllers/testing/test-cluster.ts';
import { startAllocatorService } from '../allocator-service.ts';
import type { AllocatorService, AllocatorServiceOptions } from '../allocator-service.ts';
import { CERTIFICATE_FILES, ensureLocalCertificates } from '../certificates/local-certificates.ts';
import { ALLOCATE_METHOD, AllocationRequestType } from '../../../lib/allocation-protocol/allocate-method.ts';
import { emptyMessage } from '../../../lib/allocation-protocol/protobuf-messages.ts';
import type { AllocationRequest, AllocationResponse } from '../../../lib/allocation-protocol/messages.ts';

/** What a client shows and trusts. */
export interface ClientFiles {
  certificate?: Buffer;
  key?: Buffer;
  authority: Buffer;
}

export interface RestAnswer {
  status: number;
  // Tests read answers of many shapes; what is not there fails the expectation.
  // oxlint-disable-next-line typescript/no-explicit-any
  body: any;
}

/** A cluster without processes, its allocator service on ports of its own, and clients of it. */
export class ServiceFixture {
  readonly cluster = new TestCluster();
  /** Moves the looks at the certificates' files. */
  readonly clock = new ManualClock(Date.now());
  readonly directory = mkdtempSync(join(tmpdir(), 'regatta-allocator-service-'));
  readonly engine: AllocationEngine;
  readonly warnings: string[] = [];
  service!: AllocatorService;

  private constructor() {
    const { store } = this.cluster;
    this.engine = createAllocationEngine({ store, clock: systemClock, record: () => {}, batchWaitMs: 0 });
    ensureLocalCertificates(this.directory, [], Date.now());
  }

  static async start(options: Partial<AllocatorServiceOptions> = {}): Promise<ServiceFixture> {
    const fixture = new ServiceFixture();
    const { engine, clock, directory } = fixture;
    const logger: Logger = { ...silentLogger, warn: (_fields, message) => fixture.warnings.push(message) };
    try {
      fixture.service = await startAllocatorService({
        engine,
        clock,
        logger,
        listenAddress: '127.0.0.1',
        httpPort: 0,
        grpcPort: 0,
        tls: { directory, requireClientCertificate: true },
        ...options,
      });
    } catch (error) {
      fixture.#end();
      throw error;
    }
    return fixture;
  }

  async stop(): Promise<void> {
    await this.service.close();
    this.#end();
  }

  #end(): void {
    this.engine.stop();
    this.cluster.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  get clientFiles(): ClientFiles {
    const read = (file: string): Buffer => readFileSync(join(this.directory, file));
    return {
      certificate: read(CERTIFICATE_FILES.clientCertificate),
      key: read(CERTIFICATE_FILES.clientKey),
      authority: read(CERTIFICATE_FILES.serverAuthority),
    };
  }

  /** A GameServer that is Ready without a process. */
  createReady(name: string, labels: Record<string, string> = {}): void {
    this.cluster.createGameServer(
      name,
      {
        ports: [{ name: 'ws', portPolicy: 'Static', hostPort: 21_000, containerPort: 8000, protocol: 'TCP' }],
        counters: { rooms: { count: 1, capacity: 10 } },
        lists: { players: { capacity: 3, values: ['ada'] } },
      },
      { labels, annotations: { 'agones.dev/dev-address': '127.0.0.1' } },
    );
    this.cluster.settle();
  }

  stateOf(name: string): string | undefined {
    return this.cluster.gameServer(name)?.status?.state;
  }

  grpcClient(files: ClientFiles | undefined = this.clientFiles): Client {
    const { certificate = null, key = null, authority } = files;
    return new Client(
      `localhost:${this.service.grpcPort}`,
      credentials.createSsl(authority, key, certificate),
      // No waiting for the next try: what fails shall show.
      { 'grpc.enable_retries': 0 },
    );
  }

  clearGrpcClient(): Client {
    return new Client(`127.0.0.1:${this.service.grpcPort}`, credentials.createInsecure());
  }

  /** One request on a connection of its own. */
  async allocate(request: Partial<AllocationRequest>, files?: ClientFiles): Promise<AllocationResponse> {
    const client = this.grpcClient(files);
    try {
      return await callAllocate(client, request);
    } finally {
      client.close();
    }
  }

  post(body: unknown, files: ClientFiles = this.clientFiles): Promise<RestAnswer> {
    return this.rest('POST', '/gameserverallocation', body, files);
  }

  /** @param body - as it is where it is text, else as JSON */
  rest(method: string, path: string, body?: unknown, files: ClientFiles = this.clientFiles): Promise<RestAnswer> {
    const { certificate, key, authority } = files;
    return new Promise((resolve, reject) => {
      const agent = new Agent({ ca: authority, cert: certificate, key });
      const sent = request({ agent, method, path, host: 'localhost', port: this.service.httpPort }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          agent.destroy();
          const text = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode ?? 0, body: text === '' ? undefined : JSON.parse(text) });
        });
      });
      sent.on('error', reject);
      sent.end(typeof body === 'string' || Buffer.isBuffer(body) || body === undefined ? body : JSON.stringify(body));
    });
  }
}

/** @throws ServiceError of gRPC */
export function callAllocate(client: Client, request: Partial<AllocationRequest>): Promise<AllocationResponse> {
  const whole = { ...emptyMessage(AllocationRequestType), ...request } as unknown as AllocationRequest;
  return callRaw(client, ALLOCATE_METHOD.requestSerialize(whole));
}

/** Sends bytes as they are. */
export function callRaw(client: Client, bytes: Buffer): Promise<AllocationResponse> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      ALLOCATE_METHOD.path,
      (raw: Buffer) => raw,
      ALLOCATE_METHOD.responseDeserialize,
      bytes,
      new Metadata(),
      { deadline: Date.now() + 10_000 },
      (error: ServiceError | null, response?: AllocationResponse) => {
        if (response === undefined) reject(error ?? new Error('no answer'));
        else resolve(response);
      },
    );
  });
}

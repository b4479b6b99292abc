import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { AllocationEngine } from '../allocation/allocation-engine.ts';
import { ensureLocalCertificates } from './certificates/local-certificates.ts';
import { createAllocate } from './allocate.ts';
import { openListener } from './listener.ts';
import type { Listener, Served } from './listener.ts';
import { createGrpcService } from './grpc-service.ts';
import { createRestService } from './rest-service.ts';
import { TlsFiles } from './tls-files.ts';

export interface AllocatorServiceOptions {
  engine: Pick<AllocationEngine, 'allocate'>;
  clock: Clock;
  logger: Logger;
  listenAddress: string;
  /** Of REST. 0 lets the system choose; undefined switches REST off. */
  httpPort: number | undefined;
  /** Of gRPC, in the same way. The same port serves both. */
  grpcPort: number | undefined;
  /** Without it everything goes in the clear. */
  tls: { directory: string; requireClientCertificate: boolean } | undefined;
  /** Names and addresses that clients reach the service at, for certificates that are made here. */
  hosts?: readonly string[];
  /** The HTTP status of UnAllocated. @default 429, as Agones */
  unallocatedStatusCode?: number;
}

/** Agones' allocator service, listening. */
export interface AllocatorService {
  httpPort: number | undefined;
  grpcPort: number | undefined;
  close(): Promise<void>;
}

/**
 * Starts Agones' allocator service, over gRPC and REST.
 *
 * @throws Error when the certificates cannot be read, or with code EADDRINUSE; nothing is left running then
 */
export async function startAllocatorService(options: AllocatorServiceOptions): Promise<AllocatorService> {
  const { httpPort, grpcPort, listenAddress: host, clock, logger, engine, unallocatedStatusCode = 429 } = options;
  const isShared = httpPort !== undefined && httpPort === grpcPort;
  if (options.tls !== undefined && ensureLocalCertificates(options.tls.directory, options.hosts ?? [], clock.nowMs())) {
    logger.info({ directory: options.tls.directory }, 'made certificates for the allocator service and its clients');
  }
  const files = options.tls === undefined ? undefined : new TlsFiles({ ...options.tls, clock, logger });
  if (isShared && files === undefined) {
    logger.warn({ port: httpPort }, 'without TLS only REST is served here: gRPC needs a port of its own');
  }
  const allocate = createAllocate({ engine, logger, unallocatedStatusCode });
  const rest = httpPort === undefined ? undefined : createRestService(allocate);
  const grpc = grpcPort === undefined ? undefined : createGrpcService({ allocate, limitIdleConnections: !isShared });
  const listeners: Listener[] = [];
  const close = async (): Promise<void> => {
    files?.stop();
    grpc?.close();
    await Promise.all(listeners.map((listener) => listener.close()));
  };
  const open = async (port: number, served: Served): Promise<number> => {
    const listener = await openListener({ port, host, served, identity: files?.identity });
    listeners.push(listener);
    return listener.port;
  };
  try {
    const restPort =
      httpPort === undefined || rest === undefined
        ? undefined
        : await open(httpPort, { rest, ...(isShared && grpc !== undefined ? { grpc } : {}) });
    const ownGrpcPort =
      isShared || grpcPort === undefined || grpc === undefined ? restPort : await open(grpcPort, { grpc });
    files?.watch((identity) => {
      for (const listener of listeners) listener.show(identity);
    });
    return { httpPort: restPort, grpcPort: grpcPort === undefined ? undefined : ownGrpcPort, close };
  } catch (error) {
    await close();
    throw error;
  }
}

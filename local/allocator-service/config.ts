import { join, resolve } from 'node:path';
import { z } from 'zod';
import { flag, port, wholeNumber } from '../../lib/config.ts';

/** The settings of the allocator service, a part of `local`'s. */
export const allocatorServiceSettings = {
  /** REST of the allocator service; off unless set, as is gRPC. One port for both serves both, as Agones' does. */
  LOCAL_ALLOCATOR_HTTP_PORT: port(0).unwrap().optional(),
  LOCAL_ALLOCATOR_GRPC_PORT: port(0).unwrap().optional(),
  /** @default LOCAL_LISTEN_ADDRESS */
  LOCAL_ALLOCATOR_LISTEN_ADDRESS: z.string().optional(),
  /** Of `tls/tls.crt`, `tls/tls.key` and `client-ca/`, which are made where there are none. @default in LOCAL_STATE_DIR */
  LOCAL_ALLOCATOR_CERTIFICATES_DIR: z.string().optional(),
  LOCAL_ALLOCATOR_DISABLE_TLS: flag(false),
  /** Clients need no certificate then. */
  LOCAL_ALLOCATOR_DISABLE_MTLS: flag(false),
  /** The HTTP status that no GameServer to allocate is answered with; gRPC's code follows from it. */
  LOCAL_ALLOCATOR_UNALLOCATED_STATUS_CODE: wholeNumber(429, { min: 100, max: 599 }),
  /** For one call of another cluster's allocator service. */
  LOCAL_REMOTE_ALLOCATION_TIMEOUT_MS: wholeNumber(10_000, { min: 1, max: 600_000 }),
  /** For all calls of one cluster. */
  LOCAL_TOTAL_REMOTE_ALLOCATION_TIMEOUT_MS: wholeNumber(30_000, { min: 1, max: 600_000 }),
};

type Settings = z.output<z.ZodObject<typeof allocatorServiceSettings>>;

/** What was set, under the names that the program uses; undefined where neither port is set. */
export function allocatorServiceConfig(
  settings: Settings,
  { listenAddress, stateDirectory }: { listenAddress: string; stateDirectory: string },
) {
  const httpPort = settings.LOCAL_ALLOCATOR_HTTP_PORT;
  const grpcPort = settings.LOCAL_ALLOCATOR_GRPC_PORT;
  if (httpPort === undefined && grpcPort === undefined) return undefined;
  const directory = settings.LOCAL_ALLOCATOR_CERTIFICATES_DIR ?? join(stateDirectory, 'allocator-service');
  return {
    httpPort,
    grpcPort,
    listenAddress: settings.LOCAL_ALLOCATOR_LISTEN_ADDRESS ?? listenAddress,
    tls: settings.LOCAL_ALLOCATOR_DISABLE_TLS
      ? undefined
      : { directory: resolve(directory), requireClientCertificate: !settings.LOCAL_ALLOCATOR_DISABLE_MTLS },
    unallocatedStatusCode: settings.LOCAL_ALLOCATOR_UNALLOCATED_STATUS_CODE,
  };
}

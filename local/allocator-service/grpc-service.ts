import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import type { handleServerStreamingCall, handleUnaryCall, ServiceDefinition } from '@grpc/grpc-js';
import type { Duplex } from 'node:stream';
import { ALLOCATE_METHOD } from '../../lib/allocation-protocol/allocate-method.ts';
import { unaryMethod } from '../../lib/allocation-protocol/protobuf-messages.ts';
import type { Allocate } from './allocate.ts';
import { GrpcError } from './grpc-error.ts';
import { HealthCheckRequestType, HealthCheckResponseType } from './protocol/health-messages.ts';
import type { HealthCheckRequest, HealthCheckResponse } from './protocol/health-messages.ts';

/** The allocator service over gRPC. It listens to nobody by itself: connections are handed to it. */
export interface GrpcService {
  /** @param connection - that speaks HTTP/2 from its first byte on, TLS being done with */
  take(connection: Duplex): void;
  /** Cuts every call. */
  close(): void;
}

export interface GrpcServiceOptions {
  allocate: Allocate;
  /** Ends connections without calls after a while. Agones does where gRPC has a port of its own. */
  limitIdleConnections: boolean;
}

/** As Go's servers have it. */
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
const MAX_CONNECTION_IDLE_MS = 5 * 60_000;
const KEEPALIVE_TIMEOUT_MS = 10 * 60_000;
const KEEPALIVE_TIME_MS = 2 * 60 * 60_000;

const ALLOCATION_SERVICE = { allocate: ALLOCATE_METHOD } satisfies ServiceDefinition;

const HEALTH_SERVICE = {
  check: unaryMethod<HealthCheckRequest, HealthCheckResponse>(
    '/grpc.health.v1.Health/Check',
    HealthCheckRequestType,
    HealthCheckResponseType,
  ),
  watch: {
    ...unaryMethod<HealthCheckRequest, HealthCheckResponse>(
      '/grpc.health.v1.Health/Watch',
      HealthCheckRequestType,
      HealthCheckResponseType,
    ),
    responseStream: true,
  },
} satisfies ServiceDefinition;

/** Makes the service, with gRPC's own health service beside it. */
export function createGrpcService({ allocate, limitIdleConnections }: GrpcServiceOptions): GrpcService {
  const server = new Server({
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    ...(limitIdleConnections
      ? {
          'grpc.max_connection_idle_ms': MAX_CONNECTION_IDLE_MS,
          'grpc.keepalive_time_ms': KEEPALIVE_TIME_MS,
          'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
        }
      : {}),
  });
  server.addService(ALLOCATION_SERVICE, { allocate: unary(allocate) });
  server.addService(HEALTH_SERVICE, createHealth());
  const connections = server.createConnectionInjector(ServerCredentials.createInsecure());
  return {
    take(connection) {
      connections.injectConnection(connection);
    },
    close() {
      server.forceShutdown();
    },
  };
}

function unary<Request, Response>(handle: (request: Request) => Promise<Response>): handleUnaryCall<Request, Response> {
  return (call, answer) => {
    handle(call.request).then(
      (response) => {
        answer(null, response);
      },
      (error: unknown) => {
        const { code, message } = error instanceof GrpcError ? error : new GrpcError(status.INTERNAL, 'internal error');
        answer({ code, details: message });
      },
    );
  };
}

/** The whole server is known by the name ''; there are no others, as with Agones. It serves until it is gone. */
function createHealth() {
  const serving: HealthCheckResponse = { status: 'SERVING' };
  const check: handleUnaryCall<HealthCheckRequest, HealthCheckResponse> = ({ request }, answer) => {
    if (request.service === '') answer(null, serving);
    else answer({ code: status.NOT_FOUND, details: 'unknown service' });
  };
  const watch: handleServerStreamingCall<HealthCheckRequest, HealthCheckResponse> = (call) => {
    call.write(call.request.service === '' ? serving : { status: 'SERVICE_UNKNOWN' });
  };
  return { check, watch };
}

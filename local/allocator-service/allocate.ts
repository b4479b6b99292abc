import { status } from '@grpc/grpc-js';
import type { GameServerAllocation } from '../../lib/agones.ts';
import type { Logger } from '../../lib/logger.ts';
import type { AllocationEngine } from '../allocation/allocation-engine.ts';
import { RemoteAllocationError } from '../allocation/multi-cluster-allocation.ts';
import { invalid } from '../api/refusals.ts';
import { StatusError } from '../api/status-error.ts';
import { PlainTextRefusal } from '../api/virtual-resource.ts';
import { gameServerAllocationDefinition, validateGameServerAllocation } from '../resources/game-server-allocation.ts';
import { GrpcError, unallocatedCodeOf } from './grpc-error.ts';
import { allocationResponseOf, gameServerAllocationOf } from '../../lib/allocation-protocol/allocation-conversion.ts';
import type { AllocationRequest, AllocationResponse } from '../../lib/allocation-protocol/messages.ts';

/**
 * Answers a request, whichever way it came.
 *
 * @throws GrpcError, and nothing else
 */
export type Allocate = (request: AllocationRequest) => Promise<AllocationResponse>;

export interface AllocateOptions {
  engine: Pick<AllocationEngine, 'allocate'>;
  logger: Logger;
  /** The HTTP status that UnAllocated is answered with: 200 makes it an answer without a GameServer. */
  unallocatedStatusCode: number;
}

/**
 * The one call of the allocator service, over the engine that answers GameServerAllocations of the Kubernetes API too.
 *
 * Source: Agones 1.57, `cmd/allocator/main.go` and `pkg/allocation/converters`.
 */
export function createAllocate({ engine, logger, unallocatedStatusCode }: AllocateOptions): Allocate {
  const unallocatedCode = unallocatedCodeOf(unallocatedStatusCode);
  return async (message) => {
    const request = gameServerAllocationOf(message);
    const faults = validateGameServerAllocation(request.spec);
    if (faults.length > 0) {
      const refusal = invalid(gameServerAllocationDefinition, '', faults);
      throw new GrpcError(refusal.code, refusal.message);
    }
    let answer: GameServerAllocation;
    try {
      answer = await engine.allocate(message.namespace, request);
    } catch (error) {
      throw toGrpcError(error, logger);
    }
    return responseOf(answer, unallocatedCode);
  };
}

function responseOf({ status: allocation }: GameServerAllocation, unallocatedCode: number): AllocationResponse {
  switch (allocation?.state) {
    case 'Allocated':
      return allocationResponseOf(allocation);
    case 'UnAllocated':
      if (unallocatedCode === status.OK) return allocationResponseOf(allocation);
      throw new GrpcError(unallocatedCode, 'there is no available GameServer to allocate');
    case 'Contention':
      throw overwhelmed();
    case undefined:
      throw new GrpcError(status.UNKNOWN, 'unknown issue');
  }
}

function overwhelmed(): GrpcError {
  return new GrpcError(status.ABORTED, 'too many concurrent requests have overwhelmed the system');
}

function toGrpcError(error: unknown, logger: Logger): GrpcError {
  if (error instanceof RemoteAllocationError) return new GrpcError(error.grpcCode, error.details);
  if (error instanceof PlainTextRefusal) return new GrpcError(status.UNKNOWN, error.message);
  if (error instanceof StatusError) {
    // The engine refuses only what is too much, and everything while it stops.
    return error.code === 429 ? overwhelmed() : new GrpcError(status.UNAVAILABLE, error.message);
  }
  logger.error({ err: error }, 'an allocation failed');
  return new GrpcError(status.INTERNAL, 'internal error');
}

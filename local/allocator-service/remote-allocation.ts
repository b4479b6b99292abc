import { Client, credentials, Metadata, status } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { createSecureContext } from 'node:tls';
import { RemoteAllocationError } from '../allocation/multi-cluster-allocation.ts';
import type { AllocateRemotely, ClientCredentials, RemoteAllocation } from '../allocation/multi-cluster-allocation.ts';
import type { Clock } from '../../lib/clock.ts';
import { PlainTextRefusal } from '../api/virtual-resource.ts';
import { ALLOCATE_METHOD } from '../../lib/allocation-protocol/allocate-method.ts';
import { allocationRequestOf, remoteAllocationOf } from '../../lib/allocation-protocol/allocation-conversion.ts';
import type { AllocationResponse } from '../../lib/allocation-protocol/messages.ts';

/**
 * Asks other clusters' allocator services, each time over a connection of its own, as Agones does.
 *
 * It throws PlainTextRefusal, too, when the credentials cannot be used.
 *
 * @param clock - that tells the time of day: a deadline is sent as what is left, but set as a time
 */
export function createAllocateRemotely(clock: Clock): AllocateRemotely {
  return async (call) => {
    const client = new Client(call.endpoint, channelCredentials(call.credentials));
    try {
      return remoteAllocationOf(await send(client, call, clock.nowMs() + call.timeoutMs), call.endpoint);
    } finally {
      client.close();
    }
  };
}

function send(
  client: Client,
  { request, namespace, signal }: RemoteAllocation,
  deadlineMs: number,
): Promise<AllocationResponse> {
  const { path, requestSerialize, responseDeserialize } = ALLOCATE_METHOD;
  return new Promise((resolve, reject) => {
    const call = client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      allocationRequestOf(request, namespace),
      new Metadata(),
      { deadline: deadlineMs },
      (error: ServiceError | null, response?: AllocationResponse) => {
        signal.removeEventListener('abort', cancel);
        if (response !== undefined) resolve(response);
        else reject(new RemoteAllocationError(error?.code ?? status.UNKNOWN, error?.details ?? 'no answer'));
      },
    );
    const cancel = (): void => {
      call.cancel();
    };
    signal.addEventListener('abort', cancel, { once: true });
  });
}

function channelCredentials({ certificate, key, authorities }: ClientCredentials) {
  try {
    createSecureContext({ cert: certificate, key, ...(authorities === undefined ? {} : { ca: authorities }) });
  } catch (error) {
    throw new PlainTextRefusal(500, `the certificates for the cluster cannot be used: ${String(error)}`);
  }
  return credentials.createSsl(authorities ?? null, key, certificate);
}

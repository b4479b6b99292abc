import { Client, connectivityState, credentials, Metadata, status } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { ALLOCATE_METHOD } from '../../lib/allocation-protocol/allocate-method.ts';
import type { AllocationRequest, AllocationResponse } from '../../lib/allocation-protocol/messages.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ClientIdentity, FollowedIdentity } from '../client-identity.ts';

/**
 * What a call that failed says. `not_sent`: nothing was done. `lost`: it may have been done, or may yet be. `refused`: what
 * we sent is not accepted, and nothing was done.
 */
export type ServiceFault = 'unallocated' | 'contention' | 'not_sent' | 'refused' | 'lost';

/** A call of the allocator service failed. Its message holds nothing that came from there. */
export class ServiceCallError extends Error {
  readonly fault: ServiceFault;

  constructor(fault: ServiceFault, endpoint: string, code: number | undefined) {
    const name = code === undefined ? '' : ` (${status[code] ?? code})`;
    super(`allocator service ${endpoint}: ${fault}${name}`);
    this.name = 'ServiceCallError';
    this.fault = fault;
  }
}

export interface AllocatorServiceConnectionOptions {
  /** `host:port`. */
  endpoint: string;
  identity: FollowedIdentity;
  /** Tells the time of day: a deadline is sent as what is left, but set as a time. */
  clock: Clock;
  /** For a call, from when the connection stands; and for the connection. */
  callTimeoutMs: number;
}

/** A client whose certificates are one identity, and the calls that use it. */
interface IdentifiedClient {
  identity: ClientIdentity;
  client: Client;
  underWay: number;
}

const CHANNEL_OPTIONS = {
  // What was sent is not sent again: an allocation that is asked for twice is made twice.
  'grpc.enable_retries': 0,
  // A channel of other certificates is to make connections of its own.
  'grpc.use_local_subchannel_pool': 1,
  // Not the minutes that it would grow to: whoever asks is told at once that there is no connection.
  'grpc.initial_reconnect_backoff_ms': 200,
  'grpc.max_reconnect_backoff_ms': 5000,
  'grpc.max_receive_message_length': 4 * 1024 * 1024,
};

/**
 * Calls of Agones' allocator service, over one connection by mTLS.
 *
 * When the certificates change, calls go over a new connection; the one before is ended when its last call is.
 */
export class AllocatorServiceConnection {
  readonly #options: AllocatorServiceConnectionOptions;
  #current: IdentifiedClient;

  constructor(options: AllocatorServiceConnectionOptions) {
    this.#options = options;
    this.#current = this.#connect(options.identity.current());
  }

  /** @throws ServiceCallError */
  async allocate(request: AllocationRequest): Promise<AllocationResponse> {
    const used = this.#identified();
    used.underWay += 1;
    try {
      await this.#connected(used.client.getChannel());
      return await this.#send(used.client, request);
    } finally {
      used.underWay -= 1;
      if (used !== this.#current && used.underWay === 0) used.client.close();
    }
  }

  close(): void {
    this.#current.client.close();
  }

  #identified(): IdentifiedClient {
    const identity = this.#options.identity.current();
    const before = this.#current;
    if (before.identity === identity) return before;
    this.#current = this.#connect(identity);
    if (before.underWay === 0) before.client.close();
    return this.#current;
  }

  #connect(identity: ClientIdentity): IdentifiedClient {
    const { authorities, key, certificate } = identity;
    const client = new Client(
      this.#options.endpoint,
      credentials.createSsl(authorities, key, certificate),
      CHANNEL_OPTIONS,
    );
    return { identity, client, underWay: 0 };
  }

  /** Until then it is certain that nothing was sent. */
  #connected(channel: ReturnType<Client['getChannel']>): Promise<void> {
    const { clock, callTimeoutMs, endpoint } = this.#options;
    const deadlineMs = clock.nowMs() + callTimeoutMs;
    return new Promise((resolve, reject) => {
      const look = (error?: Error): void => {
        const state = channel.getConnectivityState(true);
        if (state === connectivityState.READY) resolve();
        else if (
          error !== undefined ||
          state === connectivityState.TRANSIENT_FAILURE ||
          state === connectivityState.SHUTDOWN
        ) {
          reject(new ServiceCallError('not_sent', endpoint, undefined));
        } else channel.watchConnectivityState(state, deadlineMs, look);
      };
      look();
    });
  }

  #send(client: Client, request: AllocationRequest): Promise<AllocationResponse> {
    const { clock, callTimeoutMs, endpoint } = this.#options;
    const { path, requestSerialize, responseDeserialize } = ALLOCATE_METHOD;
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        new Metadata(),
        { deadline: clock.nowMs() + callTimeoutMs },
        (error: ServiceError | null, response?: AllocationResponse) => {
          if (response !== undefined) resolve(response);
          else reject(new ServiceCallError(faultOf(error), endpoint, error?.code));
        },
      );
    });
  }
}

/** What Agones sends for a request that its checks find invalid: an HTTP status where a gRPC one should be. */
const INVALID = 422;

/** The library uses the code of "none to be had" for answers that are too large and for connections that are cut off, too. */
const OUR_OWN = /message larger than|size larger than|memory limit exceeded/i;

function faultOf(error: ServiceError | null): ServiceFault {
  const code: number | undefined = error?.code;
  switch (code) {
    case status.RESOURCE_EXHAUSTED:
      return OUR_OWN.test(error?.details ?? '') ? 'lost' : 'unallocated';
    case status.ABORTED:
      return 'contention';
    case status.INVALID_ARGUMENT:
    case status.PERMISSION_DENIED:
    case status.UNAUTHENTICATED:
    case status.UNIMPLEMENTED:
    case INVALID:
      return 'refused';
    default:
      return 'lost';
  }
}

import { Client, credentials, Metadata, status } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { mutateBytes } from './byte-mutations.ts';
import type { Choices } from './choices.ts';
import { mutateString } from './json-mutations.ts';

/** What came of a call. */
export interface GrpcOutcome {
  code: status;
  details: string;
}

/** A call with bytes for its message. */
export interface GrpcCall {
  service: 'sdk' | 'allocator';
  method: string;
  message: Buffer;
}

const DEADLINE_MS = 10_000;
/** How long a stream is listened to. */
const STREAM_MS = 20;

const text = (field: number, value: string): number[] => [(field << 3) | 2, value.length, ...Buffer.from(value)];
const message = (field: number, bytes: number[]): number[] => [(field << 3) | 2, bytes.length, ...bytes];
const number = (field: number, value: number): number[] => [field << 3, value];

/** Each method with a message as its .proto has it; Shutdown is left out, for it ends who is talked to. */
const SDK_CALLS: readonly [method: string, bytes: number[]][] = [
  ['/agones.dev.sdk.SDK/Ready', []],
  ['/agones.dev.sdk.SDK/Allocate', []],
  ['/agones.dev.sdk.SDK/Health', []],
  ['/agones.dev.sdk.SDK/GetGameServer', []],
  ['/agones.dev.sdk.SDK/WatchGameServer', []],
  ['/agones.dev.sdk.SDK/SetLabel', [...text(1, 'a'), ...text(2, 'b')]],
  ['/agones.dev.sdk.SDK/SetAnnotation', [...text(1, 'a'), ...text(2, 'b')]],
  ['/agones.dev.sdk.SDK/Reserve', number(1, 3)],
  ['/agones.dev.sdk.beta.SDK/GetCounter', text(1, 'rooms')],
  [
    '/agones.dev.sdk.beta.SDK/UpdateCounter',
    message(1, [...text(1, 'rooms'), ...message(2, number(1, 2)), ...message(3, number(1, 9)), ...number(4, 1)]),
  ],
  ['/agones.dev.sdk.beta.SDK/GetList', text(1, 'players')],
  ['/agones.dev.sdk.beta.SDK/UpdateList', message(1, [...text(1, 'players'), ...number(2, 5)])],
  ['/agones.dev.sdk.beta.SDK/AddListValue', [...text(1, 'players'), ...text(2, 'x')]],
  ['/agones.dev.sdk.beta.SDK/RemoveListValue', [...text(1, 'players'), ...text(2, 'x')]],
  ['/agones.dev.sdk.alpha.SDK/PlayerConnect', text(1, 'x')],
];

const ALLOCATOR_CALLS: readonly [method: string, bytes: number[]][] = [
  [
    '/allocation.AllocationService/Allocate',
    [
      ...text(1, 'nowhere'),
      ...message(2, [...number(1, 0), ...message(2, message(1, [...text(1, 'a'), ...text(2, 'b')]))]),
      ...message(6, message(1, [...text(1, 'a'), ...text(2, 'b')])),
    ],
  ],
  ['/grpc.health.v1.Health/Check', text(1, '')],
  ['/grpc.health.v1.Health/Watch', text(1, '')],
];

/** A call with something wrong about its method or its message, most of the time. */
export function mutatedCall(choices: Choices): GrpcCall {
  const service = choices.happens(0.7) ? 'sdk' : 'allocator';
  const [valid, bytes] = choices.of(service === 'sdk' ? SDK_CALLS : ALLOCATOR_CALLS);
  const how = choices.below(10);
  const method = how === 0 ? `/${mutateString(choices, valid).replace(/[^\x21-\x7e]/g, '')}` : valid;
  // Never the one that is left out.
  const safe = method.includes('Shutdown') ? valid : method;
  return {
    service,
    method: safe,
    message: how > 1 ? mutateBytes(choices, Uint8Array.from(bytes)) : Buffer.from(bytes),
  };
}

/** A client of a port in the clear. */
export function grpcClient(port: number): Client {
  return new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { 'grpc.enable_retries': 0 });
}

/** Sends the message as it is and waits for the end of the call, or listens for a while where the method streams. */
export function call(client: Client, { method, message: bytes }: GrpcCall): Promise<GrpcOutcome> {
  const raw = (value: Buffer): Buffer => value;
  const options = { deadline: Date.now() + DEADLINE_MS };
  return new Promise((resolve) => {
    const stream = client.makeBidiStreamRequest(method, raw, raw, new Metadata(), options);
    let cut: NodeJS.Timeout | undefined;
    stream.on('data', () => {
      cut ??= setTimeout(() => {
        stream.cancel();
      }, STREAM_MS);
    });
    stream.on('error', (error: ServiceError) => {
      clearTimeout(cut);
      const ownCancel = error.code === status.CANCELLED;
      resolve(ownCancel ? { code: status.OK, details: '' } : { code: error.code, details: error.details });
    });
    stream.on('end', () => {
      clearTimeout(cut);
    });
    stream.on('status', ({ code, details }: GrpcOutcome) => {
      clearTimeout(cut);
      if (code === status.OK) resolve({ code, details });
    });
    stream.write(bytes);
    stream.end();
  });
}

export function describeCall({ service, method, message: bytes }: GrpcCall): string {
  return `${service} gRPC: ${method} ${bytes.toString('hex').slice(0, 600)}`;
}

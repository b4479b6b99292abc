/** The gRPC status codes that Agones' SDK server answers with. */
export const GRPC_CODE = {
  unknown: 2,
  invalidArgument: 3,
  notFound: 5,
  resourceExhausted: 8,
  unimplemented: 12,
} as const;

export type GrpcCode = (typeof GRPC_CODE)[keyof typeof GRPC_CODE];

/** HTTP status of each code, as Agones' REST gateway maps them. */
const HTTP_STATUS: Readonly<Record<GrpcCode, number>> = { 2: 500, 3: 400, 5: 404, 8: 429, 12: 501 };

/** Largest message a game may send, by either protocol: what Go's gRPC takes unless it is told otherwise. */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

/**
 * A refusal of the SDK server.
 *
 * Agones answers everything semantic with UNKNOWN and tells the cases apart by their text alone, so games match on the
 * text: it is part of the contract.
 */
export class SdkError extends Error {
  readonly code: GrpcCode;

  constructor(code: GrpcCode, message: string) {
    super(message);
    this.name = 'SdkError';
    this.code = code;
  }

  get httpStatus(): number {
    return HTTP_STATUS[this.code];
  }
}

/** Agones' answer to every call of player tracking while its feature gate is off, as it is by default. */
export const PLAYER_TRACKING_OFF = 'PlayerTracking not enabled';

import { status } from '@grpc/grpc-js';

/** A refusal of the allocator service. */
export class GrpcError extends Error {
  /** As a rule a gRPC status code; Agones sends the HTTP status 422 in its place for requests that are invalid. */
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.name = 'GrpcError';
    this.code = code;
  }
}

const HTTP_STATUS: Readonly<Record<number, number>> = {
  [status.OK]: 200,
  [status.CANCELLED]: 499,
  [status.INVALID_ARGUMENT]: 400,
  [status.DEADLINE_EXCEEDED]: 504,
  [status.NOT_FOUND]: 404,
  [status.ALREADY_EXISTS]: 409,
  [status.PERMISSION_DENIED]: 403,
  [status.UNAUTHENTICATED]: 401,
  [status.RESOURCE_EXHAUSTED]: 429,
  [status.FAILED_PRECONDITION]: 400,
  [status.ABORTED]: 409,
  [status.OUT_OF_RANGE]: 400,
  [status.UNIMPLEMENTED]: 501,
  [status.UNAVAILABLE]: 503,
};

/** The HTTP status that Agones' REST gateway answers with for a gRPC status code; 500 for those it does not know. */
export function httpStatusOf(code: number): number {
  return HTTP_STATUS[code] ?? 500;
}

/** The gRPC status codes that Agones knows an HTTP status for when it is told what UnAllocated shall be. */
const UNALLOCATED_CODES: Readonly<Record<number, number>> = {
  200: status.OK,
  400: status.INVALID_ARGUMENT,
  401: status.UNAUTHENTICATED,
  403: status.PERMISSION_DENIED,
  404: status.NOT_FOUND,
  409: status.ALREADY_EXISTS,
  429: status.RESOURCE_EXHAUSTED,
  499: status.CANCELLED,
  500: status.INTERNAL,
  501: status.UNIMPLEMENTED,
  503: status.UNAVAILABLE,
  504: status.DEADLINE_EXCEEDED,
};

/** The code that UnAllocated is answered with; RESOURCE_EXHAUSTED for HTTP statuses that Agones does not know. */
export function unallocatedCodeOf(httpStatus: number): number {
  return UNALLOCATED_CODES[httpStatus] ?? status.RESOURCE_EXHAUSTED;
}

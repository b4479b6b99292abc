import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';

const FILE = fileURLToPath(new URL('health.proto', import.meta.url));

const root = new protobuf.Root().loadSync(FILE, { keepCase: true }).resolveAll();

export const HealthCheckRequestType = root.lookupType('grpc.health.v1.HealthCheckRequest');
export const HealthCheckResponseType = root.lookupType('grpc.health.v1.HealthCheckResponse');

export interface HealthCheckRequest {
  service: string;
}

export interface HealthCheckResponse {
  status: 'UNKNOWN' | 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';
}

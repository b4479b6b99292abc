import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import type { AllocationRequest, AllocationResponse } from './messages.ts';
import { unaryMethod } from './protobuf-messages.ts';

const FILE = fileURLToPath(new URL('allocation.proto', import.meta.url));

const root = new protobuf.Root().loadSync(FILE, { keepCase: true }).resolveAll();

export const AllocationRequestType = root.lookupType('allocation.AllocationRequest');
export const AllocationResponseType = root.lookupType('allocation.AllocationResponse');

/** `allocation.AllocationService`'s one method, as clients call it and servers answer it. */
export const ALLOCATE_METHOD = unaryMethod<AllocationRequest, AllocationResponse>(
  '/allocation.AllocationService/Allocate',
  AllocationRequestType,
  AllocationResponseType,
);

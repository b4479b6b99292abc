import type { GameServerAllocation } from '../../lib/agones.ts';
import { invalid } from '../api/refusals.ts';
import type { FieldFault, ResourceDefinition } from '../api/resource.ts';
import type { VirtualResource } from '../api/virtual-resource.ts';
import type { AllocationEngine } from './allocation-engine.ts';

export interface AllocationResourceOptions {
  definition: ResourceDefinition;
  engine: AllocationEngine;
  /** Faults of a GameServerAllocation; empty when it is good. */
  validate(body: Readonly<Record<string, unknown>>): FieldFault[];
}

/** `POST …/gameserverallocations`: validates, has the engine answer. Nothing is stored of it. */
export function allocationResource({ definition, engine, validate }: AllocationResourceOptions): VirtualResource {
  return {
    definition,
    async create(namespace, body, { dryRun }) {
      const faults = validate(body);
      if (faults.length > 0) throw invalid(definition, '', faults);
      // Validation has looked at every field that is read.
      const request = {
        ...body,
        metadata: body['metadata'] ?? {},
        spec: body['spec'] ?? {},
      } as unknown as GameServerAllocation;
      return engine.allocate(namespace, request, { dryRun });
    },
  };
}

import type { GameServerAllocation } from '../../lib/agones.ts';
import { asJsonObject, copyJson, isJsonObject } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import { invalid } from '../api/refusals.ts';
import type { FieldFault, ResourceDefinition } from '../api/resource.ts';
import { metadataTypeFault, prune } from '../api/schema.ts';
import { PlainTextRefusal } from '../api/virtual-resource.ts';
import type { VirtualResource } from '../api/virtual-resource.ts';
import type { AllocationEngine } from './allocation-engine.ts';

export interface AllocationResourceOptions {
  definition: ResourceDefinition;
  engine: AllocationEngine;
  /** Fields of a `spec` that are of a wrong type; empty when all are right. */
  typeFaults(spec: unknown): FieldFault[];
  /** Faults of a `spec` whose types are right; empty when it is good. */
  validate(spec: unknown): FieldFault[];
}

/** `POST …/gameserverallocations`: validates, has the engine answer. Nothing is stored of it. */
export function allocationResource(options: AllocationResourceOptions): VirtualResource {
  const { definition, engine, validate } = options;
  return {
    definition,
    async create(namespace, body) {
      const allocation = decoded(body, options);
      const metadata = asJsonObject(allocation['metadata']);
      const spec = allocation['spec'] ?? {};
      const faults = validate(spec);
      if (faults.length > 0) {
        throw invalid(definition, typeof metadata['name'] === 'string' ? metadata['name'] : '', faults);
      }
      // Validation has looked at every field that is read.
      const request = { ...allocation, metadata, spec } as unknown as GameServerAllocation;
      return engine.allocate(namespace, request);
    },
  };
}

/**
 * The fields that a GameServerAllocation has. Like Agones, which reads them one by one, it cannot be read at all when
 * one is of a wrong type, and what nothing knows is dropped.
 *
 * @throws PlainTextRefusal
 */
function decoded(body: Readonly<JsonObject>, { definition, typeFaults }: AllocationResourceOptions): JsonObject {
  const allocation: JsonObject = copyJson(body);
  prune(allocation, definition.schema);
  const { metadata } = allocation;
  const wrong =
    typeFaults(allocation['spec'])[0]?.field ??
    (isJsonObject(metadata ?? {}) ? metadataTypeFault(asJsonObject(metadata)) : 'metadata');
  if (wrong !== undefined) throw new PlainTextRefusal(500, `error decoding body: a wrong type: ${wrong}`);
  return allocation;
}

import type { GameServerAllocation } from '../../lib/agones.ts';
import { asJsonObject, copyJson, isJsonObject } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import { invalid } from '../api/refusals.ts';
import type { FieldFault, ResourceDefinition } from '../api/resource.ts';
import { metadataTypeFault, propertySchema, prune } from '../api/schema.ts';
import { PlainTextRefusal } from '../api/virtual-resource.ts';
import type { VirtualResource } from '../api/virtual-resource.ts';
import type { AllocationEngine } from './allocation-engine.ts';
import { decoded } from './decoding.ts';

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
    servedBy: 'extension',
    async create(namespace, body) {
      const allocation = read(body, options);
      const { name } = asJsonObject(allocation['metadata']);
      const faults = validate(allocation['spec']);
      if (faults.length > 0) throw invalid(definition, typeof name === 'string' ? name : '', faults);
      // Validation has looked at every field that is read.
      return engine.allocate(namespace, allocation as unknown as GameServerAllocation);
    },
  };
}

/**
 * The fields that a GameServerAllocation has. Like Agones, which reads them one by one, it cannot be read at all when
 * one is of a wrong type.
 *
 * @throws PlainTextRefusal
 */
function read(body: Readonly<JsonObject>, { definition, typeFaults }: AllocationResourceOptions): JsonObject {
  const metadata = body['metadata'] ?? {};
  const spec = decoded(body['spec'] ?? {}, propertySchema(definition.schema, 'spec') ?? {});
  const wrong = typeFaults(spec)[0]?.field ?? (isJsonObject(metadata) ? metadataTypeFault(metadata) : 'metadata');
  if (wrong !== undefined) throw new PlainTextRefusal(500, `error decoding body: a wrong type: ${wrong}`);
  const allocation: JsonObject = { ...body, metadata: copyJson(metadata), spec };
  prune(allocation, definition.schema);
  return allocation;
}

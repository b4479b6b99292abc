import { fieldsOf } from '../api/admission.ts';
import { jsonEquals } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import type { FieldFault, PrinterColumn, ResourceDefinition } from '../api/resource.ts';
import { applySchemaDefaults } from './schema-defaults.ts';
import type { SchemaPart } from './schema-parts.ts';
import { schemaFaults } from './schema-validation.ts';

/** What can be done with a custom resource, in the order the API lists it. */
export const ALL_VERBS = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'] as const;

interface CustomResource {
  group: string;
  kind: string;
  plural: string;
  shortNames: readonly string[];
  statusSubresource: boolean;
  scale?: ResourceDefinition['scale'];
  columns: readonly PrinterColumn[];
  schema: SchemaPart;
  /** The mutating webhook: fills the object in, in place. */
  mutate?: (object: JsonObject) => void;
  /** Whether the mutating webhook sees updates too, and not only creation. */
  mutatesUpdates?: boolean;
  /** The validating webhook. It sees objects that fit the schema only, and of those new ones and changes of `spec`. */
  rules?: (object: JsonObject, previous: JsonObject | undefined) => FieldFault[];
}

/**
 * A kind that a CustomResourceDefinition and webhooks make: defaults come from the schema and the mutating webhook, faults
 * from the schema and, if there are none, from the validating webhook.
 */
export function customResource(resource: CustomResource): ResourceDefinition {
  const { kind, schema, mutate, rules } = resource;
  return {
    group: resource.group,
    version: 'v1',
    kind,
    listKind: `${kind}List`,
    plural: resource.plural,
    singular: kind.toLowerCase(),
    shortNames: resource.shortNames,
    namespaced: true,
    verbs: ALL_VERBS,
    statusSubresource: resource.statusSubresource,
    ...(resource.scale === undefined ? {} : { scale: resource.scale }),
    columns: resource.columns,
    schema,
    applyDefaults(object, operation) {
      const fields = fieldsOf(object);
      applySchemaDefaults(fields, schema);
      if (mutate === undefined || (operation === 'UPDATE' && resource.mutatesUpdates !== true)) return;
      // Between the API and a mutating webhook an object gets the kind of the resource it was sent to.
      fields['kind'] = kind;
      mutate(fields);
      applySchemaDefaults(fields, schema);
    },
    validate(object, previous) {
      const fields = fieldsOf(object);
      const faults = schemaFaults(fields, schema);
      if (faults.length > 0) return faults;
      if (rules === undefined || previous === undefined) return rules?.(fields, undefined) ?? [];
      const before = fieldsOf(previous);
      // The webhook does not see writes of the status; and what was let in once need not be right for ever.
      return jsonEquals(fields['spec'], before['spec']) ? [] : rules(fields, before);
    },
  };
}

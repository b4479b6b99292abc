import { fieldsOf } from '../api/admission.ts';
import type { JsonObject } from '../api/json.ts';
import type { FieldFault, PrinterColumn, ResourceDefinition } from '../api/resource.ts';
import { readText } from './printer-columns.ts';
import type { SchemaPart } from './schema-parts.ts';
import { schemaFaults } from './schema-validation.ts';

const CORE_VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'] as const;

interface CoreResource {
  kind: string;
  plural: string;
  shortNames: readonly string[];
  categories?: readonly string[];
  namespaced?: boolean;
  verbs?: readonly string[];
  statusSubresource?: boolean;
  columns: readonly PrinterColumn[];
  /** Paths of fields that a field selector may name. */
  selectable?: readonly string[];
  schema: SchemaPart;
  /** What Kubernetes fills in with every write. In place. */
  applyDefaults?: (object: JsonObject) => void;
  rules?: (object: JsonObject, previous: JsonObject | undefined) => FieldFault[];
}

/** A kind of core/v1. */
export function coreResource(resource: CoreResource): ResourceDefinition {
  const { kind, schema, rules } = resource;
  return {
    group: '',
    version: 'v1',
    kind,
    listKind: `${kind}List`,
    plural: resource.plural,
    singular: kind.toLowerCase(),
    shortNames: resource.shortNames,
    ...(resource.categories === undefined ? {} : { categories: resource.categories }),
    namespaced: resource.namespaced ?? true,
    verbs: resource.verbs ?? CORE_VERBS,
    statusSubresource: resource.statusSubresource ?? false,
    columns: resource.columns,
    selectableFields: Object.fromEntries(
      (resource.selectable ?? []).map((path) => [path, (object) => readText(object, path)]),
    ),
    schema,
    applyDefaults: (object) => resource.applyDefaults?.(fieldsOf(object)),
    validate(object, previous) {
      const fields = fieldsOf(object);
      const faults = schemaFaults(fields, schema);
      if (faults.length > 0) return faults;
      return rules?.(fields, previous === undefined ? undefined : fieldsOf(previous)) ?? [];
    },
  };
}

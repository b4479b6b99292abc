import { fieldsOf } from '../api/admission.ts';
import { asJsonObject } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import type { FieldFault, PrinterColumn, ResourceDefinition } from '../api/resource.ts';
import { invalidValue, textOf } from './field-faults.ts';
import { readText } from './printer-columns.ts';
import type { SchemaPart } from './schema-parts.ts';
import { schemaFaults } from './schema-validation.ts';

const CORE_VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'] as const;

interface CoreResource {
  /** One of Kubernetes' own groups; that of core where none is named. */
  group?: string;
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

const STANDARD_FINALIZERS = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);

/** Kubernetes' own kinds take a finalizer without a domain only where it is one of Kubernetes' own. */
function finalizerFaults({ metadata }: JsonObject): FieldFault[] {
  const { finalizers } = asJsonObject(metadata);
  return (Array.isArray(finalizers) ? finalizers : []).flatMap((name, index) => {
    const isRight = STANDARD_FINALIZERS.has(textOf(name)) || textOf(name).includes('/');
    const rule = 'must be a standard finalizer or have a domain, as in example.com/name';
    return isRight ? [] : [invalidValue(`metadata.finalizers[${index}]`, name, rule)];
  });
}

/** A kind of Kubernetes' own: of core/v1, or of version v1 of another group. */
export function coreResource(resource: CoreResource): ResourceDefinition {
  const { kind, schema, rules } = resource;
  return {
    group: resource.group ?? '',
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
      const found = rules?.(fields, previous === undefined ? undefined : fieldsOf(previous)) ?? [];
      const known = new Set(found.map(({ reason, field }) => `${reason} ${field}`));
      // Types were looked at when the object was read: what is left is what its fields may hold.
      const others = schemaFaults(fields, schema).filter(
        ({ reason, field }) => reason !== 'FieldValueTypeInvalid' && !known.has(`${reason} ${field}`),
      );
      return [...found, ...others, ...finalizerFaults(fields)];
    },
  };
}

import type { KubernetesObject } from '../../lib/agones.ts';

/** One column of `kubectl get`, as a CRD's additionalPrinterColumns has it. */
export interface PrinterColumn {
  name: string;
  type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  description: string;
  /** 0 is always shown, above 0 only with `-o wide`. */
  priority: number;
  format?: string;
  /** What the cell holds; `null` prints as `<none>`. Dates as RFC 3339: the table printer makes an age of them. */
  cell(object: KubernetesObject): string | number | boolean | null;
}

/** One field that is wrong, as `status.details.causes` of Kubernetes has it. */
export interface FieldFault {
  /** `FieldValueInvalid`, `FieldValueRequired`, `FieldValueNotSupported`, `FieldValueForbidden`, ... */
  reason: string;
  /** Path in Kubernetes' notation, e.g. `spec.ports[0].containerPort`. */
  field: string;
  message: string;
}

/** What the API knows of one kind of object: its names, its shape, what admission does to it. */
export interface ResourceDefinition {
  /** '' for core. */
  group: string;
  version: string;
  kind: string;
  listKind: string;
  /** Plural, lower case; the key of the store. */
  plural: string;
  singular: string;
  shortNames: readonly string[];
  categories?: readonly string[];
  namespaced: boolean;
  verbs: readonly string[];
  /** With a status subresource `spec` writes leave `status` alone and the other way round. GameServers have none. */
  statusSubresource: boolean;
  /** Paths of the scale subresource, or absent. */
  scale?: { specReplicasPath: string; statusReplicasPath: string };
  columns: readonly PrinterColumn[];
  /** Fields a field selector may name besides `metadata.name` and `metadata.namespace`, with their value. */
  selectableFields?: Readonly<Record<string, (object: KubernetesObject) => string>>;
  /** OpenAPI v3 schema of the object: what `kubectl explain` shows and what fields exist (others are pruned). */
  schema: Record<string, unknown>;
  /** Mutating admission and defaults, on a copy the store owns. */
  applyDefaults?(object: KubernetesObject, operation: 'CREATE' | 'UPDATE'): void;
  /** Faults of structure (CRD schema) and of meaning (validating webhook). Empty when the object is good. */
  validate?(object: KubernetesObject, previous: KubernetesObject | undefined): FieldFault[];
}

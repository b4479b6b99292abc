import { isJsonObject } from './json.ts';
import type { JsonObject } from './json.ts';
import type { FieldFault } from './resource.ts';

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const QUALIFIED_NAME_PART = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;

const MAX_SUBDOMAIN_LENGTH = 253;
const MAX_LABEL_LENGTH = 63;
const MAX_ANNOTATIONS_BYTES = 256 * 1024;

/** What Kubernetes takes as the name of most objects: a DNS subdomain of at most 253 characters. */
export function isObjectName(name: string): boolean {
  return name.length <= MAX_SUBDOMAIN_LENGTH && SUBDOMAIN.test(name);
}

/** What Kubernetes takes as the name of a namespace: a DNS label of at most 63 characters. */
export function isNamespaceName(name: string): boolean {
  return name.length <= MAX_LABEL_LENGTH && DNS_LABEL.test(name);
}

/** A label or annotation key: a name, with a DNS prefix before a slash or without. */
export function isQualifiedName(key: string): boolean {
  const parts = key.split('/');
  const name = parts.at(-1) ?? '';
  if (parts.length > 2 || name.length > MAX_LABEL_LENGTH || !QUALIFIED_NAME_PART.test(name)) return false;
  return parts.length === 1 || isObjectName(parts[0] ?? '');
}

/** The value of a label: empty, or at most 63 characters. */
export function isLabelValue(value: string): boolean {
  return value.length <= MAX_LABEL_LENGTH && LABEL_VALUE.test(value);
}

function invalidValue(field: string, value: unknown, rule: string): FieldFault {
  return { reason: 'FieldValueInvalid', field, message: `Invalid value: ${JSON.stringify(value)}: ${rule}` };
}

/** Faults of a name; `kind` decides which rule holds. */
export function nameFaults(kind: string, name: string): FieldFault[] {
  if (kind === 'Namespace') {
    if (isNamespaceName(name)) return [];
    return [invalidValue('metadata.name', name, 'must be a DNS label: at most 63 of a-z, 0-9 and -, no - at the ends')];
  }
  if (isObjectName(name)) return [];
  return [
    invalidValue(
      'metadata.name',
      name,
      'must be a DNS subdomain: a-z, 0-9, - and ., and a letter or digit at both ends',
    ),
  ];
}

/** Faults of the beginning of a name; a dash at its end is fine, since more follows. */
export function generateNameFaults(prefix: string | undefined): FieldFault[] {
  if (prefix === undefined || prefix === '' || isObjectName(prefix.replace(/-$/, 'x'))) return [];
  return [invalidValue('metadata.generateName', prefix, 'must be the beginning of a DNS subdomain')];
}

/** Faults of labels, annotations, finalizers and owners; their types must have been checked before. */
export function metadataFaults(metadata: JsonObject): FieldFault[] {
  const faults: FieldFault[] = [];
  for (const [key, value] of entries(metadata['labels'])) {
    if (!isQualifiedName(key)) {
      faults.push(
        invalidValue('metadata.labels', key, 'a label key must be a qualified name such as example.com/name'),
      );
    }
    if (!isLabelValue(value)) {
      const rule = "must be empty or at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends";
      faults.push(invalidValue('metadata.labels', value, rule));
    }
  }
  let annotationBytes = 0;
  for (const [key, value] of entries(metadata['annotations'])) {
    annotationBytes += Buffer.byteLength(key) + Buffer.byteLength(value);
    if (!isQualifiedName(key.toLowerCase())) {
      faults.push(
        invalidValue(
          'metadata.annotations',
          key,
          'an annotation key must be a qualified name such as example.com/name',
        ),
      );
    }
  }
  if (annotationBytes > MAX_ANNOTATIONS_BYTES) {
    const message = `Too long: may not be more than ${MAX_ANNOTATIONS_BYTES} bytes`;
    faults.push({ reason: 'FieldValueTooLong', field: 'metadata.annotations', message });
  }
  return [...faults, ...finalizerFaults(metadata['finalizers']), ...ownerFaults(metadata['ownerReferences'])];
}

function finalizerFaults(value: unknown): FieldFault[] {
  const finalizers: unknown[] = Array.isArray(value) ? value : [];
  const faults: FieldFault[] = [];
  for (const finalizer of finalizers) {
    if (typeof finalizer !== 'string' || !isQualifiedName(finalizer)) {
      faults.push(invalidValue('metadata.finalizers', finalizer, 'must be a qualified name such as example.com/name'));
    }
  }
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    faults.push(invalidValue('metadata.finalizers', finalizers, 'orphan and foregroundDeletion exclude each other'));
  }
  return faults;
}

function ownerFaults(value: unknown): FieldFault[] {
  const owners = (Array.isArray(value) ? value : []).filter(isJsonObject);
  const faults: FieldFault[] = [];
  for (const owner of owners) {
    for (const key of ['apiVersion', 'kind', 'name', 'uid']) {
      const text = owner[key] ?? '';
      if (typeof text !== 'string' || text === '') {
        faults.push(invalidValue(`metadata.ownerReferences.${key}`, text, 'must not be empty'));
      }
    }
    if (owner['apiVersion'] === 'v1' && owner['kind'] === 'Event') {
      faults.push(invalidValue('metadata.ownerReferences', owner, 'an Event cannot own anything'));
    }
  }
  if (owners.filter((owner) => owner['controller'] === true).length > 1) {
    faults.push(invalidValue('metadata.ownerReferences', owners, 'only one owner can be the controller'));
  }
  return faults;
}

function entries(map: unknown): [string, string][] {
  if (!isJsonObject(map)) return [];
  return Object.entries(map).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
}

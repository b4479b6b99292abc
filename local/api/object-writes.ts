import type { KubernetesObject } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';
import { apiVersionOf, checkEnvelope, fieldsOf } from './admission.ts';
import { applyConfiguration } from './apply-patch.ts';
import { asJsonObject, copyJson, isJsonObject } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { applyJsonPatch } from './json-patch.ts';
import { noteUpdate } from './managed-fields.ts';
import { applyMergePatch } from './merge-patch.ts';
import { badRequest, invalid, invalidOptions, invalidPatch, notFound, unsupportedMediaType } from './refusals.ts';
import type { WriteQuery } from './request-options.ts';
import type { ResourceDefinition } from './resource.ts';
import { scaleFault, scaleOf, withScale } from './scale.ts';
import { prune } from './schema.ts';
import type { ObjectStore, WriteOptions } from './store.ts';
import { applyStrategicMergePatch } from './strategic-merge-patch.ts';

/** What one write is about. */
export interface WriteTarget {
  store: ObjectStore;
  clock: Clock;
  definition: ResourceDefinition;
  /** '' for objects of the cluster. */
  namespace: string;
  subresource: 'status' | 'scale' | undefined;
  query: WriteQuery;
  /** Goes into managed fields. */
  fieldManager: string;
}

/** What a write answers: the object as it is now, and what to warn the client of. */
export interface WriteResult {
  object: KubernetesObject;
  created: boolean;
  warnings: string[];
}

/** The patch types there are, the strategic one for built-in kinds only. */
const JSON_PATCH = 'application/json-patch+json';
const MERGE_PATCH = 'application/merge-patch+json';
const STRATEGIC_MERGE_PATCH = 'application/strategic-merge-patch+json';
export const APPLY_PATCH = 'application/apply-patch+yaml';

/** Whether the kind is one of Kubernetes' own, which differ from custom ones in patch types and in PUT. */
export function isBuiltIn({ group }: ResourceDefinition): boolean {
  return !group.includes('.') || group.endsWith('.k8s.io');
}

/**
 * The patch types of a kind.
 *
 * @throws StatusError 415 when the media type is none of them
 */
export function checkPatchType(
  definition: ResourceDefinition,
  subresource: string | undefined,
  mediaType: string,
): void {
  const accepted = [JSON_PATCH, MERGE_PATCH];
  if (isBuiltIn(definition)) accepted.push(STRATEGIC_MERGE_PATCH);
  if (subresource !== 'scale') accepted.push(APPLY_PATCH);
  if (!accepted.includes(mediaType)) throw unsupportedMediaType(accepted);
}

/** `POST`: makes an object. */
export function createObject(target: WriteTarget, body: JsonValue): WriteResult {
  const object = readObject(target, body, undefined);
  const warnings = checkFields(target, object);
  const managed = stampManagers(target, undefined, object);
  const { definition, store, query } = target;
  return { object: store.create(definition.plural, managed, { dryRun: query.dryRun }), created: true, warnings };
}

/** `PUT`: replaces an object, or the part of it a subresource stands for. */
export function replaceObject(target: WriteTarget, name: string, body: JsonValue): WriteResult {
  const { definition, namespace, store, subresource } = target;
  if (subresource === 'scale') {
    const fault = scaleFault(body);
    if (fault !== undefined) throw badRequest(`the object provided is unrecognized (must be of type Scale): ${fault}`);
    if ((asJsonObject(asJsonObject(body)['metadata'])['name'] ?? '') === '') throw badRequest('name must be provided');
    return writeScale(target, name, body);
  }
  const object = readObject(target, body, name);
  const current = store.get(definition.plural, namespace, name);
  if (!isBuiltIn(definition) && (object.metadata.resourceVersion ?? '') === '') {
    const message = 'Invalid value: 0: must be specified for an update';
    throw invalid({ ...definition, kind: definition.plural }, name, [
      { reason: 'FieldValueInvalid', field: 'metadata.resourceVersion', message },
    ]);
  }
  const warnings = checkFields(target, object);
  return { object: write(target, current, object), created: false, warnings };
}

/** `PATCH`: changes an object; with server-side apply it may also make it. */
export function patchObject(target: WriteTarget, name: string, mediaType: string, patch: JsonValue): WriteResult {
  const { definition, namespace, store, subresource } = target;
  if (mediaType === APPLY_PATCH) return applyObject(target, name, patch);
  const current = store.get(definition.plural, namespace, name);
  if (subresource === 'scale') {
    const scale = patched(target, scaleOf(definition, current), mediaType, patch);
    const fault = scaleFault(scale);
    if (fault !== undefined) throw invalidPatch(fault);
    return writeScale(target, name, scale);
  }
  const result = patched(target, fieldsOf(current), mediaType, patch);
  const object = readObject(target, result, name);
  const warnings = checkFields(target, object);
  return { object: write(target, current, object), created: false, warnings };
}

/** The object the body holds, with the namespace and name of the path. */
function readObject(target: WriteTarget, body: JsonValue, name: string | undefined): KubernetesObject {
  const { definition, namespace } = target;
  if (!isJsonObject(body)) {
    throw badRequest(`the object provided is unrecognized (must be of type ${definition.kind}): it is not an object`);
  }
  // Whatever is missing or of a wrong type is found by the checks that follow.
  const object = copyJson(body) as unknown as KubernetesObject;
  checkEnvelope(definition, object);
  const { metadata } = object;
  if (definition.namespaced) {
    if (metadata.namespace !== undefined && metadata.namespace !== '' && metadata.namespace !== namespace) {
      throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
    }
    metadata.namespace = namespace;
  }
  if (name === undefined) return object;
  if (metadata.name !== undefined && metadata.name !== '' && metadata.name !== name) {
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
  }
  metadata.name = name;
  return object;
}

/** Takes unknown fields out; refuses or warns of them as the client asked. */
function checkFields({ definition, query }: WriteTarget, object: KubernetesObject): string[] {
  const unknown = prune(fieldsOf(object), definition.schema);
  if (unknown.length === 0 || query.fieldValidation === 'Ignore') return [];
  const list = unknown.map((field) => `unknown field "${field}"`);
  if (query.fieldValidation === 'Warn') return list;
  const { kind, version } = definition;
  throw badRequest(
    `${kind} in version "${version}" cannot be handled as a ${kind}: strict decoding error: ${list.join(', ')}`,
  );
}

function stampManagers(
  target: WriteTarget,
  previous: KubernetesObject | undefined,
  object: KubernetesObject,
): KubernetesObject {
  const { definition, subresource } = target;
  noteUpdate(previous === undefined ? undefined : fieldsOf(previous), fieldsOf(object), {
    fieldManager: target.fieldManager,
    ...(subresource === undefined ? {} : { subresource }),
    schema: definition.schema,
    apiVersion: apiVersionOf(definition),
    time: timestamp(target.clock),
  });
  return object;
}

function timestamp(clock: Clock): string {
  return `${new Date(clock.nowMs()).toISOString().slice(0, 19)}Z`;
}

function write(target: WriteTarget, current: KubernetesObject, sent: KubernetesObject): KubernetesObject {
  const { definition, store } = target;
  const object = withOwnPart(target, current, sent);
  return store.update(definition.plural, stampManagers(target, current, object), writeOptions(target));
}

/** With a status subresource the other part stays as it is, so that nobody is noted as having set it. */
function withOwnPart(
  { definition, subresource }: WriteTarget,
  current: KubernetesObject,
  sent: KubernetesObject,
): KubernetesObject {
  if (!definition.statusSubresource) return sent;
  const from = fieldsOf(current);
  const { resourceVersion, uid } = sent.metadata;
  if (subresource === undefined) return take(fieldsOf(sent), from, 'status');
  const object = take(copyJson(from), fieldsOf(sent), 'status');
  if (resourceVersion !== undefined) object.metadata.resourceVersion = resourceVersion;
  if (uid !== undefined) object.metadata.uid = uid;
  return object;
}

function take(to: JsonObject, from: JsonObject, field: string): KubernetesObject {
  if (from[field] === undefined) delete to[field];
  else to[field] = from[field];
  return to as unknown as KubernetesObject;
}

function writeOptions({ query, subresource }: WriteTarget): WriteOptions {
  return { dryRun: query.dryRun, ...(subresource === undefined ? {} : { subresource }) };
}

function writeScale(target: WriteTarget, name: string, scale: JsonValue): WriteResult {
  const { definition, namespace, store } = target;
  const current = store.get(definition.plural, namespace, name);
  const scaledName = asJsonObject(asJsonObject(scale)['metadata'])['name'];
  if (scaledName !== undefined && scaledName !== name) {
    throw badRequest(
      `the name of the object (${JSON.stringify(scaledName)}) does not match the name on the URL (${name})`,
    );
  }
  const next = stampManagers(target, current, withScale(definition, current, scale));
  const written = store.update(definition.plural, next, writeOptions(target));
  return { object: scaleOf(definition, written), created: false, warnings: [] };
}

function patched({ definition }: WriteTarget, current: JsonObject, mediaType: string, patch: JsonValue): JsonValue {
  if (mediaType === JSON_PATCH) return applyJsonPatch(current, patch);
  if (mediaType === MERGE_PATCH) {
    if (!isJsonObject(patch)) throw badRequest('a merge patch must be an object');
    return applyMergePatch(current, patch);
  }
  return applyStrategicMergePatch(current, patch, definition.schema);
}

function applyObject(target: WriteTarget, name: string, patch: JsonValue): WriteResult {
  const { definition, namespace, store, query, subresource } = target;
  if (query.fieldManager === undefined) {
    const message = 'Required value: is required for apply patch';
    throw invalidOptions('PatchOptions', { reason: 'FieldValueRequired', field: 'fieldManager', message });
  }
  if (!isJsonObject(patch)) throw badRequest('the configuration to apply must be an object');
  if (typeof patch['apiVersion'] !== 'string' || typeof patch['kind'] !== 'string') {
    throw badRequest('the configuration to apply must have apiVersion and kind');
  }
  const applied = readObject(target, patch, name);
  if (applied.metadata.managedFields !== undefined) {
    throw badRequest('metadata.managedFields must be nil in a configuration to apply');
  }
  const warnings = checkFields(target, applied);
  const current = store.find(definition.plural, namespace, name);
  if (current === undefined && subresource !== undefined) throw notFound(definition, name);
  const { apiVersion, kind } = applied;
  const live: JsonObject = current === undefined ? { apiVersion, kind, metadata: {} } : fieldsOf(current);
  const result = applyConfiguration(live, fieldsOf(applied), {
    fieldManager: query.fieldManager,
    force: query.force,
    schema: definition.schema,
    apiVersion: apiVersionOf(definition),
    time: timestamp(target.clock),
  }) as unknown as KubernetesObject;
  if (current === undefined) {
    return { object: store.create(definition.plural, result, { dryRun: query.dryRun }), created: true, warnings };
  }
  return { object: store.update(definition.plural, result, writeOptions(target)), created: false, warnings };
}

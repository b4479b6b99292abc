import type { KubernetesObject } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';
import { apiVersionOf, fieldsOf } from './admission.ts';
import { applyConfiguration } from './apply-patch.ts';
import { asJsonObject, copyJson, isJsonObject } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { applyJsonPatch, impossible } from './json-patch.ts';
import { noteUpdate } from './managed-fields.ts';
import { applyMergePatch } from './merge-patch.ts';
import { isBuiltIn, readEnvelope } from './object-envelope.ts';
import type { Origin } from './object-envelope.ts';
import { checkSystemFields } from './object-update.ts';
import {
  badRequest,
  conflict,
  invalid,
  invalidOptions,
  invalidPatch,
  notFound,
  unsupportedMediaType,
} from './refusals.ts';
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
  const object = readObject(target, body, { origin: 'body' });
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
    return writeScale(target, name, body);
  }
  const object = readObject(target, body, { name, origin: 'body' });
  const current = store.get(definition.plural, namespace, name);
  if (!isBuiltIn(definition) && ['', '0'].includes(object.metadata.resourceVersion ?? '')) {
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
  if (target.query.force !== undefined) {
    const message = 'Forbidden: may only be set for server-side apply';
    throw invalidOptions('PatchOptions', { reason: 'FieldValueForbidden', field: 'force', message });
  }
  const current = store.get(definition.plural, namespace, name);
  if (subresource === 'scale') {
    const scale = patched(target, scaleOf(definition, current), mediaType, patch);
    const fault = scaleFault(scale);
    if (fault !== undefined) throw invalidPatch(fault);
    return writeScale(target, name, scale);
  }
  const result = patched(target, fieldsOf(current), mediaType, patch);
  const object = readObject(target, result, { name, origin: 'patch' });
  checkSystemFields(definition, current, object);
  const warnings = checkFields(target, object);
  return { object: write(target, current, object), created: false, warnings };
}

/** The object the value holds, with the namespace and name of the path. */
function readObject(
  target: WriteTarget,
  value: JsonValue,
  { name, origin }: { name?: string; origin: Origin },
): KubernetesObject {
  const { definition, namespace } = target;
  const object = readEnvelope(definition, copyJson(value), origin);
  const { metadata } = object;
  if (definition.namespaced) {
    if (metadata.namespace !== undefined && metadata.namespace !== '' && metadata.namespace !== namespace) {
      throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
    }
    metadata.namespace = namespace;
  }
  if (name === undefined) return object;
  checkName(metadata.name, name, origin);
  metadata.name = name;
  return object;
}

/** Server-side apply may leave the name to the path. */
function checkName(found: string | undefined, name: string, origin: Origin): void {
  if (found === undefined || found === '') {
    if (origin === 'apply') return;
    throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
  }
  if (found !== name) {
    throw badRequest(`the name of the object (${found}) does not match the name on the URL (${name})`);
  }
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

/** @param scale - one in which `scaleFault` finds no fault */
function writeScale(target: WriteTarget, name: string, scale: JsonValue): WriteResult {
  const { definition, namespace, store } = target;
  const current = store.get(definition.plural, namespace, name);
  const { name: given = '', namespace: within = '', uid = '' } = asJsonObject(asJsonObject(scale)['metadata']);
  checkName(typeof given === 'string' ? given : JSON.stringify(given), name, 'body');
  if (within !== '' && within !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  if (uid !== '' && uid !== current.metadata.uid) throw conflict(definition, name, 'its uid is another');
  const next = stampManagers(target, current, withScale(definition, current, scale));
  const written = store.update(definition.plural, next, writeOptions(target));
  return { object: scaleOf(definition, written), created: false, warnings: [] };
}

function patched({ definition }: WriteTarget, current: JsonObject, mediaType: string, patch: JsonValue): JsonValue {
  if (mediaType === JSON_PATCH) {
    const result = applyJsonPatch(current, patch);
    if (!isJsonObject(result)) throw impossible('it leaves no object');
    return result;
  }
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
  const applied = readObject(target, patch, { name, origin: 'apply' });
  if (applied.metadata.managedFields !== undefined) {
    throw badRequest('metadata.managedFields must be nil in a configuration to apply');
  }
  // Who manages a field cannot be told of one that there is not.
  checkFields({ ...target, query: { ...query, fieldValidation: 'Strict' } }, applied);
  const current = store.find(definition.plural, namespace, name);
  if (current === undefined && subresource !== undefined) throw notFound(definition, name);
  if (current === undefined) {
    // What it is called may be left out only where it is there already.
    const { name: given } = asJsonObject(patch['metadata']);
    checkName(typeof given === 'string' ? given : undefined, name, 'body');
  } else checkSystemFields(definition, current, applied);
  const { apiVersion, kind } = applied;
  const live: JsonObject = current === undefined ? { apiVersion, kind, metadata: {} } : fieldsOf(current);
  const result = applyConfiguration(live, fieldsOf(applied), {
    fieldManager: query.fieldManager,
    force: query.force === true,
    schema: definition.schema,
    apiVersion: apiVersionOf(definition),
    time: timestamp(target.clock),
  }) as unknown as KubernetesObject;
  if (current === undefined) {
    return { object: store.create(definition.plural, result, { dryRun: query.dryRun }), created: true, warnings: [] };
  }
  return { object: store.update(definition.plural, result, writeOptions(target)), created: false, warnings: [] };
}

import { AGONES } from '../../lib/agones.ts';
import { asJsonObject, copyJson, isJsonObject } from '../api/json.ts';
import type { JsonObject, JsonValue } from '../api/json.ts';

/** The version of Agones whose behaviour is kept to; its SDK sidecar's version is on every GameServer and Fleet. */
export const AGONES_VERSION = '1.57.0';

const SAFE_TO_EVICT_ANNOTATION = 'cluster-autoscaler.kubernetes.io/safe-to-evict';

const DEFAULT_PERIOD_SECONDS = 5;
const DEFAULT_FAILURE_THRESHOLD = 3;
const DEFAULT_INITIAL_DELAY_SECONDS = 5;
const DEFAULT_SDK_GRPC_PORT = 9357;
const DEFAULT_SDK_HTTP_PORT = 9358;

/** The object in a field, made when it is missing. A value of another type is left to the schema to refuse. */
export function objectIn(parent: JsonObject, key: string): JsonObject {
  const value = parent[key];
  if (isJsonObject(value)) return value;
  const made: JsonObject = {};
  if (value === undefined || value === null) parent[key] = made;
  return made;
}

/** The objects in a list; nothing where there is no list. */
export function objectsIn(list: unknown): JsonObject[] {
  return Array.isArray(list) ? list.filter((item: unknown) => isJsonObject(item)) : [];
}

/** Sets the field where it is missing, `null`, or what Go takes for missing: '' and 0. */
function fill(parent: JsonObject, key: string, value: JsonValue): void {
  const present = parent[key];
  if (present === undefined || present === null || present === '' || present === 0) parent[key] = value;
}

/** Takes out what Go's JSON leaves out of an object: '', 0, `false` and `null`. */
function dropEmpty(object: JsonObject, keys: readonly string[]): void {
  for (const key of keys) {
    const value = object[key];
    const empty = value === '' || value === 0 || value === false || value === null;
    if (empty || (Array.isArray(value) && value.length === 0)) delete object[key];
  }
}

/** Writes the version of Agones on an object, as its admission does. */
export function stampVersion(metadata: JsonObject): void {
  objectIn(metadata, 'annotations')[`${AGONES.sdkPrefix}version`] = AGONES_VERSION;
}

/**
 * The shape in which Agones hands a GameServer's spec back: parts that are always written appear, empty ones go.
 *
 * @param spec - of a GameServer or of the template of one; changed in place
 */
export function shapeGameServerSpec(spec: JsonObject): void {
  const template = objectIn(spec, 'template');
  shapeTemplateMetadata(template);
  const podSpec = objectIn(template, 'spec');
  podSpec['containers'] ??= null;
  for (const kind of ['containers', 'initContainers']) {
    for (const container of objectsIn(podSpec[kind])) container['resources'] ??= {};
  }
  dropEmpty(objectIn(spec, 'health'), ['disabled', 'periodSeconds', 'failureThreshold', 'initialDelaySeconds']);
  dropEmpty(objectIn(spec, 'sdkServer'), ['logLevel', 'grpcPort', 'httpPort']);
  dropEmpty(spec, ['container', 'ports', 'scheduling', 'players', 'counters', 'lists', 'eviction']);
  for (const key of ['counters', 'lists']) {
    if (isJsonObject(spec[key]) && Object.keys(spec[key]).length === 0) delete spec[key];
  }
  for (const port of objectsIn(spec['ports'])) {
    dropEmpty(port, ['name', 'range', 'portPolicy', 'containerPort', 'hostPort', 'protocol']);
  }
  spec['immutableReplicas'] = 1;
}

/** `metadata` of a template always has a creationTimestamp, and it is always `null`. */
export function shapeTemplateMetadata(template: JsonObject): void {
  objectIn(template, 'metadata')['creationTimestamp'] ??= null;
}

/** Fills in what a GameServer's spec leaves open. Changes it in place; the same again changes nothing. */
export function applyGameServerSpecDefaults(spec: JsonObject): void {
  const containers = asJsonObject(asJsonObject(spec['template'])['spec'])['containers'];
  if (Array.isArray(containers) && containers.length === 1) {
    const name = asJsonObject(containers[0])['name'];
    if (typeof name === 'string' && name !== '') spec['container'] = name;
  }
  for (const port of objectsIn(spec['ports'])) {
    fill(port, 'portPolicy', 'Dynamic');
    fill(port, 'range', 'default');
    fill(port, 'protocol', 'UDP');
    fill(port, 'container', spec['container'] ?? '');
  }
  applyHealthDefaults(objectIn(spec, 'health'));
  fill(objectIn(spec, 'eviction'), 'safe', 'Never');
  fill(spec, 'scheduling', 'Packed');
  const sdkServer = objectIn(spec, 'sdkServer');
  fill(sdkServer, 'logLevel', 'Info');
  fill(sdkServer, 'grpcPort', DEFAULT_SDK_GRPC_PORT);
  fill(sdkServer, 'httpPort', DEFAULT_SDK_HTTP_PORT);
}

function applyHealthDefaults(health: JsonObject): void {
  if (health['disabled'] === true) return;
  const defaults = {
    periodSeconds: DEFAULT_PERIOD_SECONDS,
    failureThreshold: DEFAULT_FAILURE_THRESHOLD,
    initialDelaySeconds: DEFAULT_INITIAL_DELAY_SECONDS,
  };
  for (const [key, value] of Object.entries(defaults)) {
    const present = health[key];
    const tooSmall = typeof present === 'number' && present <= 0;
    if (present === undefined || present === null || tooSmall) health[key] = value;
  }
}

/** Makes the status of a new GameServer from its spec, whose defaults must have been applied before. */
export function applyGameServerStatusDefaults(gameServer: JsonObject): void {
  const spec = asJsonObject(gameServer['spec']);
  const status = objectIn(gameServer, 'status');
  fill(status, 'state', needsHostPort(spec) ? 'PortAllocation' : 'Creating');
  status['address'] ??= '';
  status['addresses'] ??= null;
  status['nodeName'] ??= '';
  status['players'] ??= null;
  status['ports'] ??= null;
  status['reservedUntil'] ??= null;
  status['immutableReplicas'] = 1;
  status['eviction'] = copyJson(spec['eviction'] ?? {});
  if (isSafeToEvict(spec)) objectIn(status, 'eviction')['safe'] = 'Always';
  for (const key of ['counters', 'lists']) {
    if (isJsonObject(spec[key])) status[key] = copyJson(spec[key]);
  }
}

function needsHostPort(spec: JsonObject): boolean {
  return objectsIn(spec['ports']).some(
    (port) => port['portPolicy'] === 'Dynamic' || port['portPolicy'] === 'Passthrough',
  );
}

function isSafeToEvict(spec: JsonObject): boolean {
  const metadata = asJsonObject(asJsonObject(spec['template'])['metadata']);
  return asJsonObject(metadata['annotations'])[SAFE_TO_EVICT_ANNOTATION] === 'true';
}

import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import { isJsonObject } from '../../api/json.ts';
import type { JsonObject, JsonValue } from '../../api/json.ts';

const MAGIC = Buffer.from('k8s\0');
const PACKAGE = 'kubernetes';

const root = new protobuf.Root()
  .loadSync(fileURLToPath(new URL('kubernetes.proto', import.meta.url)), { keepCase: true })
  .resolveAll();
const envelope = root.lookupType(`${PACKAGE}.Unknown`);

const KINDS: ReadonlyMap<unknown, protobuf.Type> = new Map(
  [
    'ConfigMap',
    'DeleteOptions',
    'Namespace',
    'Secret',
    'SelfSubjectAccessReview',
    'SelfSubjectReview',
    'SelfSubjectRulesReview',
    'ServiceAccount',
  ].map((kind) => [kind, root.lookupType(`${PACKAGE}.${kind}`)]),
);

/**
 * The object in Kubernetes' protobuf encoding, as its JSON has it.
 *
 * Source: Kubernetes API Concepts, "Kubernetes Protobuf encoding".
 *
 * @returns undefined when the kind is none of those in kubernetes.proto
 * @throws Error when the bytes are no such object
 */
export function decodeKubernetesProtobuf(bytes: Uint8Array): JsonObject | undefined {
  if (!MAGIC.equals(bytes.subarray(0, MAGIC.length))) throw new Error('the magic number is missing');
  const { typeMeta, raw } = plain(envelope, bytes.subarray(MAGIC.length));
  const { apiVersion = '', kind = '' } = isJsonObject(typeMeta) ? typeMeta : {};
  const type = KINDS.get(kind);
  if (type === undefined) return undefined;
  // `bytes` of a message come as base64, as JSON has them.
  const object = plain(type, Buffer.from(typeof raw === 'string' ? raw : '', 'base64'));
  return { apiVersion, kind, ...object };
}

function plain(type: protobuf.Type, bytes: Uint8Array): JsonObject {
  const message = type.toObject(type.decode(bytes), { longs: Number, bytes: String, json: true });
  return asJson(type, message as JsonObject);
}

/**
 * Times and sets of fields are messages, but text and plain JSON in an object's JSON. What is empty was not set: on the wire
 * a Go program has every field that is no pointer.
 */
function asJson(type: protobuf.Type, message: JsonObject): JsonObject {
  const result: JsonObject = {};
  for (const [name, value] of Object.entries(message)) {
    const below = type.fields[name]?.resolvedType;
    if (value === undefined || value === '' || (name === 'generation' && value === 0)) continue;
    if (!(below instanceof protobuf.Type)) result[name] = value;
    else if (Array.isArray(value)) result[name] = value.map((item) => messageAsJson(below, item));
    else result[name] = messageAsJson(below, value);
  }
  return result;
}

function messageAsJson(type: protobuf.Type, value: JsonValue): JsonValue {
  if (!isJsonObject(value)) return value;
  if (type.name === 'Time') {
    // The zero time stands for none.
    return Object.keys(value).length === 0 ? null : timeText(Number(value['seconds'] ?? 0));
  }
  if (type.name === 'FieldsV1') {
    const raw = typeof value['Raw'] === 'string' ? value['Raw'] : '';
    return JSON.parse(Buffer.from(raw, 'base64').toString()) as JsonValue;
  }
  return asJson(type, value);
}

function timeText(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`;
}

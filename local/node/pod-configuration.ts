import type { Container, KubernetesObject } from '../../lib/agones.ts';
import type { ObjectStore } from '../api/store.ts';
import type { Pod } from '../controllers/pods.ts';
import { expandVariables } from './program.ts';

/** A Pod names a ConfigMap, a Secret, a key or a field that is not there. It waits until it is. */
export class PodConfigurationError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PodConfigurationError';
  }
}

interface ConfigMap extends KubernetesObject {
  data?: Record<string, string>;
  binaryData?: Record<string, string>;
}

interface Secret extends KubernetesObject {
  data?: Record<string, string>;
}

/** The files of a ConfigMap or a Secret by key; undefined when there is none of that name. */
export function dataOf(
  store: ObjectStore,
  kind: 'ConfigMap' | 'Secret',
  namespace: string,
  name: string,
): Map<string, Buffer> | undefined {
  const fromBase64 = ([key, value]: [string, string]): [string, Buffer] => [key, Buffer.from(value, 'base64')];
  if (kind === 'Secret') {
    const secret = store.find<Secret>('secrets', namespace, name);
    return secret && new Map(Object.entries(secret.data ?? {}).map(fromBase64));
  }
  const map = store.find<ConfigMap>('configmaps', namespace, name);
  if (map === undefined) return undefined;
  const text = Object.entries(map.data ?? {}).map(([key, value]): [string, Buffer] => [key, Buffer.from(value)]);
  return new Map([...text, ...Object.entries(map.binaryData ?? {}).map(fromBase64)]);
}

interface KeyReference {
  name: string;
  key: string;
  optional?: boolean;
}

/**
 * The variables that a container's `envFrom` and `env` give it, in order.
 *
 * @throws PodConfigurationError
 */
export function variablesOf(store: ObjectStore, pod: Pod, container: Container): Map<string, string> {
  const variables = new Map<string, string>();
  addSources(store, pod, container, variables);
  for (const { name, value, valueFrom } of container.env ?? []) {
    if (valueFrom === undefined) {
      variables.set(name, expandVariables(value ?? '', Object.fromEntries(variables)));
      continue;
    }
    const { fieldRef, configMapKeyRef, secretKeyRef, ...others } = valueFrom;
    const found =
      (fieldRef && readPodField(pod, fieldRef.fieldPath)) ??
      (configMapKeyRef && readKey(store, 'ConfigMap', pod, configMapKeyRef)) ??
      (secretKeyRef && readKey(store, 'Secret', pod, secretKeyRef));
    const unknown = Object.keys(others)[0];
    if (unknown !== undefined) throw new PodConfigurationError(`variable ${name}: ${unknown} is not supported`);
    if (found !== undefined) variables.set(name, found);
  }
  return variables;
}

function addSources(store: ObjectStore, pod: Pod, container: Container, variables: Map<string, string>): void {
  // `envFrom` is a field of the container that Agones does not look at, and the lib's type leaves open.
  const sources = (container['envFrom'] ?? []) as {
    prefix?: string;
    configMapRef?: { name: string; optional?: boolean };
    secretRef?: { name: string; optional?: boolean };
  }[];
  for (const { prefix = '', configMapRef, secretRef } of sources) {
    const [kind, reference] = secretRef ? (['Secret', secretRef] as const) : (['ConfigMap', configMapRef] as const);
    if (reference === undefined) continue;
    const data = dataOf(store, kind, pod.metadata.namespace ?? '', reference.name);
    if (data === undefined && reference.optional !== true) throw missing(kind, reference.name);
    for (const [key, value] of data ?? []) variables.set(prefix + key, value.toString());
  }
}

function missing(kind: string, name: string): PodConfigurationError {
  return new PodConfigurationError(`${kind.toLowerCase()} "${name}" not found`);
}

function readKey(
  store: ObjectStore,
  kind: 'ConfigMap' | 'Secret',
  pod: Pod,
  { name, key, optional = false }: KeyReference,
): string | undefined {
  const data = dataOf(store, kind, pod.metadata.namespace ?? '', name);
  if (data === undefined && !optional) throw missing(kind, name);
  const value = data?.get(key);
  if (value === undefined && !optional) {
    throw new PodConfigurationError(`couldn't find key ${key} in ${kind} ${pod.metadata.namespace ?? ''}/${name}`);
  }
  return value?.toString();
}

const MAP_FIELD = /^metadata\.(labels|annotations)\['(.+)'\]$/;

function readPodField(pod: Pod, path: string): string {
  const map = MAP_FIELD.exec(path);
  if (map !== null) return pod.metadata[map[1] === 'labels' ? 'labels' : 'annotations']?.[map[2] ?? ''] ?? '';
  const status = pod.status ?? {};
  const fields: Record<string, unknown> = {
    'metadata.name': pod.metadata.name,
    'metadata.namespace': pod.metadata.namespace,
    'metadata.uid': pod.metadata.uid,
    'spec.nodeName': pod.spec.nodeName,
    'spec.serviceAccountName': pod.spec['serviceAccountName'],
    'status.hostIP': status['hostIP'],
    'status.hostIPs': status['hostIP'],
    'status.podIP': status['podIP'],
    'status.podIPs': status['podIP'],
  };
  if (!(path in fields)) throw new PodConfigurationError(`fieldRef ${path} is not supported`);
  const value = fields[path];
  return typeof value === 'string' ? value : '';
}

import type { EnvironmentVariable } from '../../lib/agones.ts';
import type { Pod } from '../controllers/pods.ts';
import type { ObjectStore } from '../api/store.ts';

interface KeyedData {
  data?: Record<string, string>;
}

/** A container's environment cannot be made: it names what is not there. */
export class ContainerConfigError extends Error {}

/**
 * The environment of a container: `value` with `$(NAME)` references, and `valueFrom` of fields, ConfigMaps and Secrets.
 *
 * @throws ContainerConfigError naming what is missing
 */
export function resolveEnvironment(
  variables: readonly EnvironmentVariable[],
  pod: Pod,
  store: ObjectStore,
): Record<string, string> {
  const resolved: Record<string, string> = {};
  for (const variable of variables) {
    const value =
      variable.valueFrom === undefined ? expand(variable.value ?? '', resolved) : fromSource(variable, pod, store);
    if (value !== undefined) resolved[variable.name] = value;
  }
  return resolved;
}

/** `$(NAME)` becomes the variable's value, `$$(NAME)` stays as `$(NAME)`, as in Kubernetes. */
export function expand(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$?\$\(([^)]+)\)/g, (reference, name: string) =>
    reference.startsWith('$$') ? reference.slice(1) : (variables[name] ?? reference),
  );
}

function fromSource({ name, valueFrom = {} }: EnvironmentVariable, pod: Pod, store: ObjectStore): string | undefined {
  const { configMapKeyRef, secretKeyRef, fieldRef } = valueFrom;
  const namespace = pod.metadata.namespace ?? 'default';
  if (fieldRef !== undefined) return fieldOf(pod, fieldRef.fieldPath);
  if (configMapKeyRef !== undefined) {
    const value = (store.find('configmaps', namespace, configMapKeyRef.name) as KeyedData | undefined)?.data?.[
      configMapKeyRef.key
    ];
    return required(value, configMapKeyRef, `${name}: ConfigMap ${configMapKeyRef.name}, key ${configMapKeyRef.key}`);
  }
  if (secretKeyRef !== undefined) {
    const value = (store.find('secrets', namespace, secretKeyRef.name) as KeyedData | undefined)?.data?.[
      secretKeyRef.key
    ];
    const encoded = required(value, secretKeyRef, `${name}: Secret ${secretKeyRef.name}, key ${secretKeyRef.key}`);
    return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString();
  }
  return '';
}

function required(value: string | undefined, source: { optional?: boolean }, what: string): string | undefined {
  if (value === undefined && source.optional !== true) throw new ContainerConfigError(`${what} is not there`);
  return value;
}

function fieldOf(pod: Pod, path: string): string {
  const { name, namespace = 'default', uid = '', labels = {}, annotations = {} } = pod.metadata;
  const entry = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
  if (entry !== null) return (entry[1] === 'labels' ? labels : annotations)[entry[2] ?? ''] ?? '';
  switch (path) {
    case 'metadata.name':
      return name;
    case 'metadata.namespace':
      return namespace;
    case 'metadata.uid':
      return uid;
    case 'spec.nodeName':
      return pod.spec.nodeName ?? '';
    case 'status.podIP':
    case 'status.hostIP':
      return '127.0.0.1';
    default:
      throw new ContainerConfigError(`the field ${path} is not known here`);
  }
}

import type { KubernetesObject } from '../../lib/agones.ts';
import { asJsonObject, isJsonObject } from '../api/json.ts';
import type { JsonObject, JsonValue } from '../api/json.ts';
import { isNamespaceName } from '../api/object-names.ts';
import type { FieldFault, ResourceDefinition } from '../api/resource.ts';
import { coreResource } from './core-resource.ts';
import { duplicateValue, invalidValue, requiredValue, textOf, unsupportedValue } from './field-faults.ts';
import { objectIn, objectsIn } from './game-server-defaults.ts';
import { podSpecSchema } from './pod-template-schema.ts';
import { AGE_COLUMN, computedColumn, readField, readText } from './printer-columns.ts';
import { resourceFaults } from './resource-quantities.ts';
import { anyFields, fields } from './schema-parts.ts';

const DEFAULT_GRACE_SECONDS = 30;
const PORT_PROTOCOLS: readonly string[] = ['SCTP', 'TCP', 'UDP'];
const RESTART_POLICIES: readonly string[] = ['Always', 'Never', 'OnFailure'];
const PULL_POLICIES: readonly string[] = ['Always', 'IfNotPresent', 'Never'];
const MAX_PORT = 65_535;

/** Pods of core/v1: on one machine, the process of a GameServer. */
export const podDefinition: ResourceDefinition = coreResource({
  kind: 'Pod',
  plural: 'pods',
  shortNames: ['po'],
  categories: ['all'],
  statusSubresource: true,
  columns: [
    computedColumn('Ready', 'How many of its containers are ready.', readyContainers),
    computedColumn('Status', 'Where it stands.', podStatus),
    computedColumn('Restarts', 'How often its containers were started again.', (pod) => String(restarts(pod))),
    AGE_COLUMN,
    computedColumn('IP', 'Its address.', (pod) => readText(pod, 'status.podIP') || '<none>', { priority: 1 }),
    computedColumn('Node', 'The Node it runs on.', (pod) => readText(pod, 'spec.nodeName') || '<none>', {
      priority: 1,
    }),
    computedColumn('Nominated Node', 'The Node it may get.', nominatedNode, { priority: 1 }),
    computedColumn('Readiness Gates', 'Further conditions of being ready.', () => '<none>', { priority: 1 }),
  ],
  selectable: [
    'spec.nodeName',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
    'spec.hostNetwork',
    'status.phase',
    'status.podIP',
    'status.nominatedNodeName',
  ],
  schema: fields('A Pod: containers that run together.', {
    spec: podSpecSchema,
    status: anyFields('Where it stands.'),
  }),
  applyDefaults: applyPodDefaults,
  rules: (pod, previous) => (previous === undefined ? podFaults(asJsonObject(pod['spec'])) : []),
});

function applyPodDefaults(pod: JsonObject): void {
  const spec = objectIn(pod, 'spec');
  spec['restartPolicy'] ??= 'Always';
  spec['terminationGracePeriodSeconds'] ??= DEFAULT_GRACE_SECONDS;
  spec['dnsPolicy'] ??= 'ClusterFirst';
  spec['schedulerName'] ??= 'default-scheduler';
  spec['securityContext'] ??= {};
  for (const container of [...objectsIn(spec['initContainers']), ...objectsIn(spec['containers'])]) {
    const { image } = container;
    const latest = typeof image === 'string' && (image.endsWith(':latest') || !/:[^/]+$|@/.test(image));
    container['imagePullPolicy'] ??= latest ? 'Always' : 'IfNotPresent';
    container['resources'] ??= {};
    for (const port of objectsIn(container['ports'])) port['protocol'] ??= 'TCP';
    for (const key of ['livenessProbe', 'readinessProbe', 'startupProbe']) applyProbeDefaults(container[key]);
  }
  objectIn(pod, 'status')['phase'] ??= 'Pending';
}

function applyProbeDefaults(probe: JsonValue | undefined): void {
  if (!isJsonObject(probe)) return;
  probe['timeoutSeconds'] ??= 1;
  probe['periodSeconds'] ??= 10;
  probe['successThreshold'] ??= 1;
  probe['failureThreshold'] ??= 3;
  if (isJsonObject(probe['httpGet'])) probe['httpGet']['scheme'] ??= 'HTTP';
}

/** A Pod that is refused makes its GameServer an Error, so what Kubernetes refuses is refused here. */
function podFaults(spec: JsonObject): FieldFault[] {
  const volumes = new Set(objectsIn(spec['volumes']).map((volume) => volume['name']));
  const faults: FieldFault[] = [];
  const names = new Set<unknown>();
  const hostPorts = new Set<string>();
  if (!RESTART_POLICIES.includes(textOf(spec['restartPolicy']))) {
    faults.push(unsupportedValue('spec.restartPolicy', spec['restartPolicy'], RESTART_POLICIES));
  }
  if (objectsIn(spec['containers']).length === 0) faults.push(requiredValue('spec.containers', 'there must be one'));
  for (const key of ['initContainers', 'containers']) {
    for (const [index, container] of objectsIn(spec[key]).entries()) {
      const path = `spec.${key}[${index}]`;
      if (names.has(container['name'])) faults.push(duplicateValue(`${path}.name`, container['name']));
      names.add(container['name']);
      faults.push(...containerFaults(container, path, volumes), ...portFaults(container, path, hostPorts));
    }
  }
  return faults;
}

function containerFaults(container: JsonObject, path: string, volumes: ReadonlySet<unknown>): FieldFault[] {
  const faults: FieldFault[] = [];
  const { name, image } = container;
  if (name === undefined || name === '') faults.push(requiredValue(`${path}.name`, 'a container has a name'));
  else if (!isNamespaceName(textOf(name))) faults.push(invalidValue(`${path}.name`, name, 'must be a DNS label'));
  if (image === undefined || image === '') faults.push(requiredValue(`${path}.image`, 'a container has an image'));
  else if (textOf(image) !== textOf(image).trim()) faults.push(invalidValue(`${path}.image`, image, 'has spaces'));
  if (!PULL_POLICIES.includes(textOf(container['imagePullPolicy']))) {
    faults.push(unsupportedValue(`${path}.imagePullPolicy`, container['imagePullPolicy'], PULL_POLICIES));
  }
  for (const [index, mount] of objectsIn(container['volumeMounts']).entries()) {
    if (volumes.has(mount['name'])) continue;
    const message = `Not found: ${JSON.stringify(mount['name'])}`;
    faults.push({ reason: 'FieldValueNotFound', field: `${path}.volumeMounts[${index}].name`, message });
  }
  for (const [index, variable] of objectsIn(container['env']).entries()) {
    if (variable['name'] === '') faults.push(requiredValue(`${path}.env[${index}].name`, 'a variable has a name'));
  }
  return [...faults, ...resourceFaults(container['resources'], `${path}.resources`)];
}

/** @param hostPorts - those of the Pod so far; gets those of the container */
function portFaults(container: JsonObject, path: string, hostPorts: Set<string>): FieldFault[] {
  const faults: FieldFault[] = [];
  for (const [index, { protocol, hostPort, containerPort = 0 }] of objectsIn(container['ports']).entries()) {
    const field = `${path}.ports[${index}]`;
    if (containerPort === 0) faults.push(requiredValue(`${field}.containerPort`, 'a port has a number'));
    else if (Number(containerPort) < 1 || Number(containerPort) > MAX_PORT) {
      faults.push(invalidValue(`${field}.containerPort`, containerPort, `must be between 1 and ${MAX_PORT}`));
    }
    if (!PORT_PROTOCOLS.includes(textOf(protocol))) {
      faults.push(unsupportedValue(`${field}.protocol`, protocol, PORT_PROTOCOLS));
    }
    if (typeof hostPort !== 'number' || hostPort === 0) continue;
    const key = `${textOf(protocol)}//${hostPort}`;
    if (hostPorts.has(key)) faults.push(duplicateValue(`${field}.hostPort`, key));
    hostPorts.add(key);
  }
  return faults;
}

function containerStatuses(pod: KubernetesObject): JsonObject[] {
  return objectsIn(readField(pod, ['status', 'containerStatuses']));
}

function readyContainers(pod: KubernetesObject): string {
  const ready = containerStatuses(pod).filter((status) => status['ready'] === true).length;
  return `${ready}/${objectsIn(readField(pod, ['spec', 'containers'])).length}`;
}

function restarts(pod: KubernetesObject): number {
  return containerStatuses(pod).reduce((sum, { restartCount }) => sum + (Number(restartCount) || 0), 0);
}

/** The reason of a container that waits or has ended, where there is one, else the phase. */
function podStatus(pod: KubernetesObject): string {
  if (pod.metadata.deletionTimestamp !== undefined) return 'Terminating';
  let status = readText(pod, 'status.reason') || readText(pod, 'status.phase') || 'Unknown';
  for (const container of containerStatuses(pod)) {
    const state = asJsonObject(container['state']);
    const reason = asJsonObject(state['waiting'])['reason'] ?? asJsonObject(state['terminated'])['reason'];
    if (typeof reason === 'string' && reason !== '') status = reason;
  }
  return status;
}

function nominatedNode(pod: KubernetesObject): string {
  return readText(pod, 'status.nominatedNodeName') || '<none>';
}

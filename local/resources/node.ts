import type { KubernetesObject } from '../../lib/agones.ts';
import type { ResourceDefinition } from '../api/resource.ts';
import { coreResource } from './core-resource.ts';
import { objectsIn } from './game-server-defaults.ts';
import { AGE_COLUMN, computedColumn, fieldColumn, readField, readText } from './printer-columns.ts';
import { OPEN, anyFields, fields } from './schema-parts.ts';

const ROLE_LABEL = 'node-role.kubernetes.io/';

/** Nodes of core/v1: the machines that run Pods. */
export const nodeDefinition: ResourceDefinition = coreResource({
  kind: 'Node',
  plural: 'nodes',
  shortNames: ['no'],
  namespaced: false,
  statusSubresource: true,
  columns: [
    computedColumn('Status', 'Whether it runs Pods.', readiness),
    computedColumn('Roles', 'What it is for, by its labels.', roles),
    AGE_COLUMN,
    fieldColumn('Version', 'string', 'status.nodeInfo.kubeletVersion'),
    computedColumn('Internal-IP', 'Its address inside.', (node) => addressOf(node, 'InternalIP'), { priority: 1 }),
    computedColumn('External-IP', 'Its address outside.', (node) => addressOf(node, 'ExternalIP'), { priority: 1 }),
    ...[
      fieldColumn('OS-Image', 'string', 'status.nodeInfo.osImage'),
      fieldColumn('Kernel-Version', 'string', 'status.nodeInfo.kernelVersion'),
      fieldColumn('Container-Runtime', 'string', 'status.nodeInfo.containerRuntimeVersion'),
    ].map((column) => ({ ...column, priority: 1 })),
  ],
  selectable: ['spec.unschedulable'],
  schema: fields(
    'A Node: a machine that runs Pods.',
    { spec: anyFields('Its settings.'), status: anyFields('Where it stands.') },
    OPEN,
  ),
});

function readiness(node: KubernetesObject): string {
  const conditions = objectsIn(readField(node, ['status', 'conditions']));
  const ready = conditions.find((condition) => condition['type'] === 'Ready')?.['status'];
  const words = [ready === 'True' ? 'Ready' : ready === undefined ? 'Unknown' : 'NotReady'];
  if (readText(node, 'spec.unschedulable') === 'true') words.push('SchedulingDisabled');
  return words.join(',');
}

function roles(node: KubernetesObject): string {
  const labels = Object.keys(node.metadata.labels ?? {}).filter((label) => label.startsWith(ROLE_LABEL));
  return labels.map((label) => label.slice(ROLE_LABEL.length)).join(',') || '<none>';
}

function addressOf(node: KubernetesObject, type: string): string {
  const address = objectsIn(readField(node, ['status', 'addresses'])).find((each) => each['type'] === type);
  return typeof address?.['address'] === 'string' ? address['address'] : '<none>';
}

import type { ResourceDefinition } from '../api/resource.ts';
import { coreResource } from './core-resource.ts';
import { objectIn } from './game-server-defaults.ts';
import { AGE_COLUMN, fieldColumn } from './printer-columns.ts';
import { fields, listOf, text } from './schema-parts.ts';

/** Namespaces of core/v1. */
export const namespaceDefinition: ResourceDefinition = coreResource({
  kind: 'Namespace',
  plural: 'namespaces',
  shortNames: ['ns'],
  namespaced: false,
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  statusSubresource: true,
  columns: [fieldColumn('Status', 'string', 'status.phase'), AGE_COLUMN],
  selectable: ['status.phase'],
  schema: fields('A Namespace: what keeps the names of some objects apart from those of others.', {
    spec: fields('Its settings.', {
      finalizers: listOf('Who has to be done before it is gone.', { type: 'string' }),
    }),
    status: fields('Where it stands.', { phase: text('Active, or Terminating.') }),
  }),
  applyDefaults(namespace) {
    const metadata = objectIn(namespace, 'metadata');
    const { name } = metadata;
    if (typeof name === 'string') objectIn(metadata, 'labels')['kubernetes.io/metadata.name'] = name;
    objectIn(namespace, 'status')['phase'] ??= 'Active';
  },
});

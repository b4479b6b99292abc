import type { ResourceDefinition } from '../api/resource.ts';
import { customResource } from './custom-resource.ts';
import { AGE_COLUMN } from './printer-columns.ts';
import { fields, integer, listOf, text } from './schema-parts.ts';

/** `gameserverallocationpolicies.multicluster.agones.dev`: a cluster that allocations may go to. */
export const gameServerAllocationPolicyDefinition: ResourceDefinition = customResource({
  group: 'multicluster.agones.dev',
  kind: 'GameServerAllocationPolicy',
  plural: 'gameserverallocationpolicies',
  shortNames: ['gsap'],
  statusSubresource: false,
  columns: [AGE_COLUMN],
  schema: fields('A GameServerAllocationPolicy: a cluster that allocations may go to, and when.', {
    spec: fields(
      'The cluster and its place among the others.',
      {
        priority: integer('Lower ones are asked first.', { format: 'int32', minimum: 0 }),
        weight: integer('Its share among clusters of one priority.', { format: 'int64', minimum: 0 }),
        connectionInfo: fields(
          'How to reach it.',
          {
            clusterName: text('Its name.'),
            allocationEndpoints: listOf('Addresses of its allocator.', { type: 'string' }, { minItems: 1 }),
            secretName: text('The Secret with the certificate to show.'),
            namespace: text('The namespace to allocate in.'),
            serverCa: text('Certificates to trust, PEM in base64.', { format: 'byte' }),
          },
          { required: ['namespace'] },
        ),
      },
      { required: ['priority', 'weight'] },
    ),
  }),
});

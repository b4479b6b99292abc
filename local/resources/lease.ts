import type { ResourceDefinition } from '../api/resource.ts';
import { asJsonObject } from '../api/json.ts';
import { coreResource } from './core-resource.ts';
import { invalidValue } from './field-faults.ts';
import { AGE_COLUMN, fieldColumn } from './printer-columns.ts';
import { fields, integer, NULLABLE, text } from './schema-parts.ts';

const microTime = (description: string) => text(description, { format: 'micro-time', ...NULLABLE });

/** `leases.coordination.k8s.io`: who does at the moment what one alone may do, and when they were heard of last. */
export const leaseDefinition: ResourceDefinition = coreResource({
  group: 'coordination.k8s.io',
  kind: 'Lease',
  plural: 'leases',
  shortNames: [],
  columns: [fieldColumn('Holder', 'string', 'spec.holderIdentity'), AGE_COLUMN],
  schema: fields('A Lease: what one alone may do at a time.', {
    spec: fields('Who does it.', {
      holderIdentity: text('Who holds it; empty when nobody does.'),
      leaseDurationSeconds: integer('Who has not renewed it for so long has lost it.', { format: 'int32' }),
      acquireTime: microTime('When its holder got it.'),
      renewTime: microTime('When its holder renewed it last.'),
      leaseTransitions: integer('How often it went from one holder to another.', { format: 'int32' }),
    }),
  }),
  rules({ spec }) {
    const { leaseDurationSeconds, leaseTransitions } = asJsonObject(spec);
    return [
      ...(typeof leaseDurationSeconds === 'number' && leaseDurationSeconds <= 0
        ? [invalidValue('spec.leaseDurationSeconds', leaseDurationSeconds, 'must be greater than 0')]
        : []),
      ...(typeof leaseTransitions === 'number' && leaseTransitions < 0
        ? [invalidValue('spec.leaseTransitions', leaseTransitions, 'must be greater than or equal to 0')]
        : []),
    ];
  },
});

import { asJsonObject, jsonEquals } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import type { FieldFault, ResourceDefinition } from '../api/resource.ts';
import { customResource } from './custom-resource.ts';
import { invalidValue } from './field-faults.ts';
import { REPLICAS_COLUMNS } from './fleet.ts';
import { gameServerSetSchema } from './fleet-schema.ts';
import { gameServerTemplateFaults, nameLengthFaults } from './game-server-rules.ts';

/** `gameserversets.agones.dev`. No mutating webhook sees it; its template never changes. */
export const gameServerSetDefinition: ResourceDefinition = customResource({
  group: 'agones.dev',
  kind: 'GameServerSet',
  plural: 'gameserversets',
  shortNames: ['gss', 'gsset'],
  statusSubresource: true,
  scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' },
  columns: REPLICAS_COLUMNS,
  schema: gameServerSetSchema,
  rules: gameServerSetFaults,
});

function gameServerSetFaults(set: JsonObject, previous: JsonObject | undefined): FieldFault[] {
  const template = asJsonObject(set['spec'])['template'];
  if (previous === undefined) return [...nameLengthFaults(set), ...gameServerTemplateFaults(template, 'spec.template')];
  const faults = nameLengthFaults(set);
  if (!jsonEquals(template, asJsonObject(previous['spec'])['template'])) {
    faults.push(invalidValue('spec.template', template, 'the template of a GameServerSet cannot be changed'));
  }
  return faults;
}

import { asJsonObject } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import type { FieldFault, PrinterColumn, ResourceDefinition } from '../api/resource.ts';
import { customResource } from './custom-resource.ts';
import { invalidValue, labelAndAnnotationFaults, unsupportedValue } from './field-faults.ts';
import { fleetSchema } from './fleet-schema.ts';
import {
  objectIn,
  objectsIn,
  shapeGameServerSpec,
  shapeTemplateMetadata,
  stampVersion,
} from './game-server-defaults.ts';
import { gameServerTemplateFaults, nameLengthFaults } from './game-server-rules.ts';
import { loosePercentage } from './percentage.ts';
import { AGE_COLUMN, fieldColumn } from './printer-columns.ts';

const DEFAULT_ROLLING_UPDATE_STEP = '25%';

/** What is shown of a Fleet and of a GameServerSet. */
export const REPLICAS_COLUMNS: readonly PrinterColumn[] = [
  fieldColumn('Scheduling', 'string', 'spec.scheduling'),
  fieldColumn('Desired', 'integer', 'spec.replicas'),
  fieldColumn('Current', 'integer', 'status.replicas'),
  fieldColumn('Allocated', 'integer', 'status.allocatedReplicas'),
  fieldColumn('Ready', 'integer', 'status.readyReplicas'),
  AGE_COLUMN,
];

/** `fleets.agones.dev`. Defaults come with its creation; its rules hold for every write of the spec. */
export const fleetDefinition: ResourceDefinition = customResource({
  group: 'agones.dev',
  kind: 'Fleet',
  plural: 'fleets',
  shortNames: ['flt'],
  statusSubresource: true,
  scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' },
  columns: REPLICAS_COLUMNS,
  schema: fleetSchema,
  mutate: applyFleetDefaults,
  rules: fleetFaults,
});

/** The GameServer in the template is given its shape and not its defaults: those come when a GameServer is made of it. */
function applyFleetDefaults(fleet: JsonObject): void {
  stampVersion(objectIn(fleet, 'metadata'));
  const spec = objectIn(fleet, 'spec');
  spec['replicas'] ??= 0;
  if ((spec['scheduling'] ?? '') === '') spec['scheduling'] = 'Packed';
  const strategy = objectIn(spec, 'strategy');
  if ((strategy['type'] ?? '') === '') strategy['type'] = 'RollingUpdate';
  if (strategy['type'] === 'RollingUpdate') {
    const rollingUpdate = objectIn(strategy, 'rollingUpdate');
    rollingUpdate['maxSurge'] ??= DEFAULT_ROLLING_UPDATE_STEP;
    rollingUpdate['maxUnavailable'] ??= DEFAULT_ROLLING_UPDATE_STEP;
  }
  if (Array.isArray(spec['priorities']) && spec['priorities'].length === 0) delete spec['priorities'];
  for (const priority of objectsIn(spec['priorities'])) {
    priority['type'] ??= '';
    priority['key'] ??= '';
  }
  const template = objectIn(spec, 'template');
  shapeTemplateMetadata(template);
  shapeGameServerSpec(objectIn(template, 'spec'));
}

function fleetFaults(fleet: JsonObject): FieldFault[] {
  const spec = asJsonObject(fleet['spec']);
  return [
    ...nameLengthFaults(fleet),
    ...strategyFaults(asJsonObject(spec['strategy'])),
    ...gameServerTemplateFaults(spec['template'], 'spec.template'),
    ...labelAndAnnotationFaults(spec['allocationOverflow'], 'spec.allocationOverflow'),
  ];
}

function strategyFaults(strategy: JsonObject): FieldFault[] {
  const { type } = strategy;
  if (type === 'Recreate') return [];
  if (type !== 'RollingUpdate') {
    return [unsupportedValue('spec.strategy.type', type ?? '', ['RollingUpdate', 'Recreate'])];
  }
  const rollingUpdate = asJsonObject(strategy['rollingUpdate']);
  return ['maxUnavailable', 'maxSurge'].flatMap((key) =>
    rollingStepFaults(rollingUpdate[key], `spec.strategy.rollingUpdate.${key}`),
  );
}

function rollingStepFaults(step: unknown, field: string): FieldFault[] {
  if (typeof step === 'number') return step >= 1 ? [] : [invalidValue(field, step, 'must be at least 1')];
  const percent = loosePercentage(step);
  const fits = percent !== undefined && percent >= 1 && percent <= 99;
  return fits ? [] : [invalidValue(field, step, 'must be between 1% and 99%')];
}

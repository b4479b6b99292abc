import { isJsonObject } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import type { ResourceDefinition } from '../api/resource.ts';
import { customResource } from './custom-resource.ts';
import { fleetAutoscalerSchema } from './fleet-autoscaler-schema.ts';
import { fleetAutoscalerFaults } from './fleet-autoscaler-rules.ts';
import { objectIn, objectsIn } from './game-server-defaults.ts';
import { AGE_COLUMN } from './printer-columns.ts';

const DEFAULT_SYNC_SECONDS = 30;

/** `fleetautoscalers.autoscaling.agones.dev`. Both webhooks see every write of its spec. */
export const fleetAutoscalerDefinition: ResourceDefinition = customResource({
  group: 'autoscaling.agones.dev',
  kind: 'FleetAutoscaler',
  plural: 'fleetautoscalers',
  shortNames: ['fas'],
  statusSubresource: true,
  columns: [AGE_COLUMN],
  schema: fleetAutoscalerSchema,
  mutate: applyFleetAutoscalerDefaults,
  mutatesUpdates: true,
  rules: fleetAutoscalerFaults,
});

function applyFleetAutoscalerDefaults(autoscaler: JsonObject): void {
  const spec = objectIn(autoscaler, 'spec');
  spec['fleetName'] ??= '';
  shapePolicy(objectIn(spec, 'policy'));
  const sync = objectIn(spec, 'sync');
  if ((sync['type'] ?? '') === '') sync['type'] = 'FixedInterval';
  const interval = objectIn(sync, 'fixedInterval');
  if ((interval['seconds'] ?? 0) === 0) interval['seconds'] = DEFAULT_SYNC_SECONDS;
}

/**
 * The shape in which Agones hands a policy back: every setting of a policy that is there is written out. A schedule
 * without its two times comes back with `null` for them, which the schema then refuses.
 */
function shapePolicy(policy: JsonObject): void {
  policy['type'] ??= '';
  writeOut(policy['buffer'], { maxReplicas: 0, minReplicas: 0, bufferSize: 0 });
  for (const key of ['counter', 'list']) {
    writeOut(policy[key], { key: '', maxCapacity: 0, minCapacity: 0, bufferSize: 0 });
  }
  const { schedule, wasm } = policy;
  if (isJsonObject(schedule)) {
    writeOut(objectIn(schedule, 'between'), { start: null, end: null });
    writeOut(objectIn(schedule, 'activePeriod'), { timezone: '', startCron: '', duration: '' });
    shapePolicy(objectIn(schedule, 'policy'));
  }
  if (isJsonObject(wasm)) writeOut(objectIn(wasm, 'from'), { url: null });
  for (const entry of objectsIn(policy['chain'])) {
    entry['id'] ??= '';
    shapePolicy(entry);
  }
}

function writeOut(settings: unknown, defaults: JsonObject): void {
  if (!isJsonObject(settings)) return;
  for (const [key, value] of Object.entries(defaults)) settings[key] ??= value;
}

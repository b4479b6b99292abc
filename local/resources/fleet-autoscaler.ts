import { isJsonObject } from '../api/json.ts';
import type { JsonObject, JsonValue } from '../api/json.ts';
import type { ResourceDefinition } from '../api/resource.ts';
import { customResource } from './custom-resource.ts';
import { fleetAutoscalerSchema } from './fleet-autoscaler-schema.ts';
import { ZERO_TIME_MS, fleetAutoscalerFaults, unreadableTimes } from './fleet-autoscaler-rules.ts';
import { objectIn, objectsIn } from './game-server-defaults.ts';
import { AGE_COLUMN } from './printer-columns.ts';
import { timeMsOf } from './rfc-3339.ts';

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

/** One whose times cannot be read is let be: its webhook decodes it whole or not at all. */
function applyFleetAutoscalerDefaults(autoscaler: JsonObject): void {
  if (unreadableTimes(autoscaler).length > 0) return;
  const spec = objectIn(autoscaler, 'spec');
  spec['fleetName'] ??= '';
  shapePolicy(objectIn(spec, 'policy'));
  const sync = objectIn(spec, 'sync');
  if ((sync['type'] ?? '') === '') sync['type'] = 'FixedInterval';
  const interval = objectIn(sync, 'fixedInterval');
  if ((interval['seconds'] ?? 0) === 0) interval['seconds'] = DEFAULT_SYNC_SECONDS;
}

/**
 * The shape in which Agones hands a policy back: every setting of a policy that is there is written out, what is empty
 * is left out, times are in UTC. A schedule without its two times comes back with `null` for them, which the schema then
 * refuses.
 */
function shapePolicy(policy: JsonObject): void {
  leaveOutNulls(policy);
  policy['type'] ??= '';
  writeOut(policy['buffer'], { maxReplicas: 0, minReplicas: 0, bufferSize: 0 });
  for (const key of ['counter', 'list']) {
    writeOut(policy[key], { key: '', maxCapacity: 0, minCapacity: 0, bufferSize: 0 });
  }
  const { webhook, schedule, wasm, chain } = policy;
  if (isJsonObject(webhook)) shapeEndpoint(webhook);
  if (isJsonObject(schedule)) {
    const between = objectIn(schedule, 'between');
    between['start'] = shapedTime(between['start']);
    between['end'] = shapedTime(between['end']);
    writeOut(objectIn(schedule, 'activePeriod'), { timezone: '', startCron: '', duration: '' });
    shapePolicy(objectIn(schedule, 'policy'));
  }
  if (isJsonObject(wasm)) writeOut(objectIn(wasm, 'from'), { url: null });
  if (!Array.isArray(chain) || chain.length === 0) delete policy['chain'];
  else policy['chain'] = chain.map((entry) => entry ?? {});
  for (const entry of objectsIn(policy['chain'])) {
    entry['id'] ??= '';
    shapePolicy(entry);
  }
}

function leaveOutNulls(settings: JsonObject): void {
  for (const [key, value] of Object.entries(settings)) if (value === null) delete settings[key];
}

function shapeEndpoint(endpoint: JsonObject): void {
  leaveOutNulls(endpoint);
  writeOut(endpoint['service'], { namespace: '', name: '' });
  if (endpoint['caBundle'] === '') delete endpoint['caBundle'];
}

/** Whole seconds of UTC; the zero time, which Agones takes for none, is none. */
function shapedTime(time: JsonValue | undefined): string | null {
  const timeMs = typeof time === 'string' ? timeMsOf(time) : undefined;
  return timeMs === undefined || timeMs === ZERO_TIME_MS ? null : `${new Date(timeMs).toISOString().slice(0, 19)}Z`;
}

function writeOut(settings: unknown, defaults: JsonObject): void {
  if (!isJsonObject(settings)) return;
  for (const [key, value] of Object.entries(defaults)) settings[key] ??= value;
}

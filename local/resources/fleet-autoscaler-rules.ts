import { X509Certificate } from 'node:crypto';

import { asJsonObject, isJsonObject } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import type { FieldFault } from '../api/resource.ts';
import { StatusError } from '../api/status-error.ts';
import { isCronExpression } from './cron-expression.ts';
import { durationMs } from './duration.ts';
import { duplicateValue, forbiddenValue, invalidValue, requiredValue } from './field-faults.ts';
import { objectsIn } from './game-server-defaults.ts';
import { percentage } from './percentage.ts';
import { timeMsOf } from './rfc-3339.ts';
import { isUrl } from './url-syntax.ts';

/** A time that was not given, as Go writes it. */
export const ZERO_TIME_MS = Date.parse('0001-01-01T00:00:00Z');
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/**
 * What the validating webhook finds in a FleetAutoscaler. Whether its Fleet is there is not looked at.
 *
 * @throws StatusError 400 when a time cannot be read: the webhook cannot decode the object then
 */
export function fleetAutoscalerFaults(autoscaler: JsonObject): FieldFault[] {
  const unreadable = unreadableTimes(autoscaler);
  if (unreadable.length > 0) {
    throw new StatusError(400, 'InternalError', `not a time as in RFC 3339: ${unreadable.join(', ')}`);
  }
  const spec = asJsonObject(autoscaler['spec']);
  const faults = policyFaults(asJsonObject(spec['policy']), 'spec.policy');
  const interval = asJsonObject(spec['sync'])['fixedInterval'];
  const seconds = asJsonObject(interval)['seconds'];
  if (isJsonObject(interval) && numberOf(seconds) <= 0) {
    faults.push(invalidValue('spec.sync.fixedInterval.seconds', seconds, 'must be above 0'));
  }
  return faults;
}

/** The times of schedules that are none. */
export function unreadableTimes(autoscaler: JsonObject): string[] {
  const policy = asJsonObject(asJsonObject(autoscaler['spec'])['policy']);
  return [policy, ...objectsIn(policy['chain'])]
    .map(({ schedule }) => asJsonObject(asJsonObject(schedule)['between']))
    .flatMap(({ start, end }) => [start, end])
    .filter((time) => typeof time === 'string')
    .filter((time) => timeMsOf(time) === undefined);
}

function policyFaults(policy: JsonObject, path: string): FieldFault[] {
  switch (policy['type']) {
    case 'Buffer':
      return settingsFaults(policy['buffer'], `${path}.buffer`, bufferFaults);
    case 'Webhook':
      return settingsFaults(policy['webhook'], `${path}.webhook`, endpointFaults);
    case 'Counter':
      return settingsFaults(policy['counter'], `${path}.counter`, capacityFaults);
    case 'List':
      return settingsFaults(policy['list'], `${path}.list`, capacityFaults);
    case 'Schedule':
      return settingsFaults(policy['schedule'], `${path}.schedule`, scheduleFaults);
    case 'Chain':
      return chainFaults(objectsIn(policy['chain']), `${path}.chain`);
    case 'Wasm':
      return settingsFaults(policy['wasm'], `${path}.wasm`, () => [
        forbiddenValue(`${path}.wasm`, 'policies in WebAssembly are off'),
      ]);
    default:
      return [];
  }
}

function settingsFaults(
  settings: unknown,
  path: string,
  check: (settings: JsonObject, path: string) => FieldFault[],
): FieldFault[] {
  return isJsonObject(settings) ? check(settings, path) : [requiredValue(path, 'the policy has no settings')];
}

function bufferFaults(buffer: JsonObject, path: string): FieldFault[] {
  return sizeFaults(buffer, path, 'minReplicas', 'maxReplicas');
}

function capacityFaults(capacity: JsonObject, path: string): FieldFault[] {
  return sizeFaults(capacity, path, 'minCapacity', 'maxCapacity');
}

/** A buffer between a least and a most. A percentage of nothing is nothing, so with one there must be a least. */
function sizeFaults(settings: JsonObject, path: string, minKey: string, maxKey: string): FieldFault[] {
  const faults: FieldFault[] = [];
  const minimum = numberOf(settings[minKey]);
  const maximum = numberOf(settings[maxKey]);
  const size = settings['bufferSize'];
  if (minimum > maximum) {
    faults.push(invalidValue(`${path}.${minKey}`, minimum, `must not be above ${maxKey}`));
  }
  if (typeof size === 'string') {
    const percent = percentage(size);
    if (percent === undefined || percent < 1 || percent > 99) {
      faults.push(invalidValue(`${path}.bufferSize`, size, 'must be between 1% and 99%'));
    }
    if (minimum < 1) {
      faults.push(invalidValue(`${path}.${minKey}`, minimum, 'must be at least 1 when the buffer is a percentage'));
    }
    return faults;
  }
  const count = numberOf(size);
  if (count <= 0) faults.push(invalidValue(`${path}.bufferSize`, count, 'must be above 0'));
  if (maximum < count) faults.push(invalidValue(`${path}.${maxKey}`, maximum, 'must not be below bufferSize'));
  if (minimum !== 0 && minimum < count) {
    faults.push(invalidValue(`${path}.${minKey}`, minimum, 'must be 0 or not below bufferSize'));
  }
  return faults;
}

function endpointFaults({ url, service, caBundle }: JsonObject, path: string): FieldFault[] {
  const faults: FieldFault[] = [];
  const hasUrl = typeof url === 'string';
  const hasService = isJsonObject(service);
  if (!hasUrl && !hasService) faults.push(requiredValue(path, 'give a url or a service'));
  if (hasUrl && hasService) faults.push(duplicateValue(`${path}.url`, 'a url and a service exclude each other'));
  if (typeof caBundle === 'string' && !holdsCertificate(caBundle)) {
    faults.push(invalidValue(`${path}.caBundle`, caBundle, 'must be certificates, PEM in base64'));
  }
  if (hasUrl && !isUrl(url)) faults.push(invalidValue(`${path}.url`, url, 'must be a URL'));
  return faults;
}

/** Whether at least one certificate can be read from it. */
function holdsCertificate(base64: string): boolean {
  const pem = Buffer.from(base64, 'base64').toString('latin1');
  return (pem.match(CERTIFICATE) ?? []).some((block) => {
    try {
      return new X509Certificate(block).raw.length > 0;
    } catch {
      // What is no certificate makes the constructor throw; another block may be one.
      return false;
    }
  });
}

function scheduleFaults(schedule: JsonObject, path: string): FieldFault[] {
  const { timezone, startCron, duration } = asJsonObject(schedule['activePeriod']);
  const faults: FieldFault[] = [];
  if (typeof timezone === 'string' && timezone !== '' && !isTimeZone(timezone)) {
    faults.push(invalidValue(`${path}.activePeriod.timezone`, timezone, 'must be a time zone such as Europe/Berlin'));
  }
  faults.push(...betweenFaults(asJsonObject(schedule['between']), `${path}.between`));
  if (typeof startCron === 'string' && startCron !== '') {
    const field = `${path}.activePeriod.startCron`;
    if (!isCronExpression(startCron)) faults.push(invalidValue(field, startCron, 'must be a cron expression'));
    if (startCron.includes('TZ')) faults.push(invalidValue(field, startCron, 'the time zone goes into timezone'));
  }
  if (typeof duration === 'string' && duration !== '' && durationMs(duration) === undefined) {
    faults.push(invalidValue(`${path}.activePeriod.duration`, duration, 'must be a duration such as 2h45m'));
  }
  return faults;
}

function betweenFaults({ start, end }: JsonObject, path: string): FieldFault[] {
  if (typeof end !== 'string') return [];
  if (Date.parse(end) < Date.now()) return [invalidValue(`${path}.end`, end, 'must lie in the future')];
  if (typeof start === 'string' && Date.parse(end) < Date.parse(start)) {
    return [invalidValue(path, { start, end }, 'must not end before it starts')];
  }
  return [];
}

function isTimeZone(name: string): boolean {
  if (name === 'Local') return true;
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    // A RangeError is how a time zone that is not known shows.
    return false;
  }
}

function chainFaults(chain: readonly JsonObject[], path: string): FieldFault[] {
  const faults: FieldFault[] = [];
  const ids = new Set<unknown>();
  for (const [index, entry] of chain.entries()) {
    const id = entry['id'] ?? '';
    if (ids.has(id)) faults.push(invalidValue(path, id, 'each entry must have an id of its own'));
    ids.add(id);
    const policies = ['buffer', 'webhook', 'counter', 'list', 'schedule', 'wasm'];
    if (!policies.some((key) => isJsonObject(entry[key]))) {
      faults.push(requiredValue(`${path}[${index}]`, 'the entry has no policy'));
    }
    faults.push(...policyFaults(entry, `${path}[${index}].policy`));
  }
  return faults;
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

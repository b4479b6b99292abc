import type { KubernetesObject } from '../../lib/agones.ts';
import { asJsonObject, jsonEquals } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import type { FieldFault, ResourceDefinition } from '../api/resource.ts';
import { coreResource } from './core-resource.ts';
import { forbiddenValue, invalidValue, textOf, tooLong } from './field-faults.ts';
import { objectIn } from './game-server-defaults.ts';
import { AGE_COLUMN, computedColumn, fieldColumn, readField } from './printer-columns.ts';
import { flag, fields, text, textMap } from './schema-parts.ts';

const KEY = /^[-._a-zA-Z0-9]{1,253}$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const MAX_DATA_BYTES = 1024 * 1024;

const immutable = flag('Whether the data can no longer be changed.');

/** ConfigMaps of core/v1: settings that Pods read as variables or files. */
export const configMapDefinition: ResourceDefinition = coreResource({
  kind: 'ConfigMap',
  plural: 'configmaps',
  shortNames: ['cm'],
  columns: [dataColumn(['data', 'binaryData']), AGE_COLUMN],
  schema: fields('A ConfigMap: settings by key.', {
    data: textMap('Text by key.'),
    binaryData: textMap('Bytes by key, in base64.'),
    immutable,
  }),
  rules: (map, previous) => dataFaults(map, previous, ['data', 'binaryData'], 'binaryData'),
});

/** Secrets of core/v1. Kept in memory and given to whoever may ask, as all of one's own machine. */
export const secretDefinition: ResourceDefinition = coreResource({
  kind: 'Secret',
  plural: 'secrets',
  shortNames: [],
  columns: [fieldColumn('Type', 'string', 'type'), dataColumn(['data']), AGE_COLUMN],
  selectable: ['type'],
  schema: fields('A Secret: keys, passwords and the like by key.', {
    data: textMap('Bytes by key, in base64.'),
    stringData: textMap('Text by key: becomes part of the data and is never read back.'),
    type: text('What is in it; Opaque unless set.'),
    immutable,
  }),
  applyDefaults(secret) {
    if ((secret['type'] ?? '') === '') secret['type'] = 'Opaque';
    moveTextToData(secret);
  },
  rules: (secret, previous) => dataFaults(secret, previous, ['data'], 'data'),
});

/** ServiceAccounts of core/v1: nothing on one machine asks for their rights. */
export const serviceAccountDefinition: ResourceDefinition = coreResource({
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  shortNames: ['sa'],
  columns: [computedColumn('Secrets', 'How many Secrets it has.', secretsOf, { type: 'integer' }), AGE_COLUMN],
  schema: fields('A ServiceAccount: who a Pod is, to the API.', {
    secrets: { type: 'array', description: 'Its Secrets.', items: { type: 'object' } },
    imagePullSecrets: { type: 'array', description: 'Secrets to pull images with.', items: { type: 'object' } },
    automountServiceAccountToken: flag('Whether Pods get its token.'),
  }),
});

function secretsOf(account: KubernetesObject): number {
  const secrets = readField(account, ['secrets']);
  return Array.isArray(secrets) ? secrets.length : 0;
}

function dataColumn(keys: readonly string[]) {
  const count = (object: KubernetesObject) =>
    keys.reduce((sum, key) => sum + Object.keys(asJsonObject(readField(object, [key]))).length, 0);
  return computedColumn('Data', 'How many keys it has.', count, { type: 'integer' });
}

function moveTextToData(secret: JsonObject): void {
  const { stringData } = secret;
  if (stringData === undefined) return;
  for (const [key, value] of Object.entries(asJsonObject(stringData))) {
    if (typeof value === 'string') objectIn(secret, 'data')[key] = Buffer.from(value).toString('base64');
  }
  delete secret['stringData'];
}

function dataFaults(
  object: JsonObject,
  previous: JsonObject | undefined,
  maps: readonly string[],
  base64Map: string,
): FieldFault[] {
  const faults: FieldFault[] = [];
  let bytes = 0;
  for (const map of maps) {
    for (const [key, value] of Object.entries(asJsonObject(object[map]))) {
      bytes += Buffer.byteLength(textOf(value));
      if (!KEY.test(key)) faults.push(invalidValue(`${map}[${key}]`, key, "must be letters, digits, '-', '_' and '.'"));
      if (map === base64Map && !BASE64.test(textOf(value))) {
        const message = 'Invalid value: must be base64';
        faults.push({ reason: 'FieldValueInvalid', field: `${map}[${key}]`, message });
      }
    }
    const changed = previous?.['immutable'] === true && !jsonEquals(object[map] ?? {}, previous[map] ?? {});
    if (changed) faults.push(forbiddenValue(map, 'it was made immutable'));
  }
  if (bytes > MAX_DATA_BYTES) faults.push(tooLong(maps[0] ?? '', MAX_DATA_BYTES));
  return faults;
}

import type { KubernetesObject } from '../../lib/agones.ts';
import { asJsonObject, jsonEquals, ownValue } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import type { FieldFault, ResourceDefinition } from '../api/resource.ts';
import { coreResource } from './core-resource.ts';
import { forbiddenValue, invalidValue, requiredValue, textOf, tooLong } from './field-faults.ts';
import { objectIn } from './game-server-defaults.ts';
import { AGE_COLUMN, computedColumn, fieldColumn, readField } from './printer-columns.ts';
import { flag, fields, mapOf, text, textMap } from './schema-parts.ts';

const KEY = /^[-._a-zA-Z0-9]{1,253}$/;
const MAX_DATA_BYTES = 1024 * 1024;

const BYTES = { type: 'string', format: 'byte' };
const immutable = flag('Whether the data can no longer be changed.');

/** ConfigMaps of core/v1: settings that Pods read as variables or files. */
export const configMapDefinition: ResourceDefinition = coreResource({
  kind: 'ConfigMap',
  plural: 'configmaps',
  shortNames: ['cm'],
  columns: [dataColumn(['data', 'binaryData']), AGE_COLUMN],
  schema: fields('A ConfigMap: settings by key.', {
    data: textMap('Text by key.'),
    binaryData: mapOf('Bytes by key, in base64.', BYTES),
    immutable,
  }),
  rules: (map, previous) => dataFaults(map, previous, ['data', 'binaryData']),
});

/** Secrets of core/v1. Kept in memory and given to whoever may ask, as all of one's own machine. */
export const secretDefinition: ResourceDefinition = coreResource({
  kind: 'Secret',
  plural: 'secrets',
  shortNames: [],
  columns: [fieldColumn('Type', 'string', 'type'), dataColumn(['data']), AGE_COLUMN],
  selectable: ['type'],
  schema: fields('A Secret: keys, passwords and the like by key.', {
    data: mapOf('Bytes by key, in base64.', BYTES),
    stringData: textMap('Text by key: becomes part of the data and is never read back.'),
    type: text('What is in it; Opaque unless set.'),
    immutable,
  }),
  applyDefaults(secret) {
    if ((secret['type'] ?? '') === '') secret['type'] = 'Opaque';
    moveTextToData(secret);
  },
  rules: (secret, previous) => [...dataFaults(secret, previous, ['data']), ...typeFaults(secret)],
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

/** What a Secret of a type must hold. */
const KEYS_OF_TYPES: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
};

function typeFaults({ type, data }: JsonObject): FieldFault[] {
  const missing = (ownValue(KEYS_OF_TYPES, textOf(type)) ?? []).filter(
    (key) => !Object.hasOwn(asJsonObject(data), key),
  );
  return missing.map((key) => requiredValue(`data[${key}]`, `a Secret of type ${textOf(type)} has it`));
}

function dataFaults(object: JsonObject, previous: JsonObject | undefined, maps: readonly string[]): FieldFault[] {
  const faults: FieldFault[] = [];
  let bytes = 0;
  for (const map of maps) {
    for (const [key, value] of Object.entries(asJsonObject(object[map]))) {
      bytes += Buffer.byteLength(textOf(value));
      if (!KEY.test(key)) faults.push(invalidValue(`${map}[${key}]`, key, "must be letters, digits, '-', '_' and '.'"));
    }
    const changed = previous?.['immutable'] === true && !jsonEquals(object[map] ?? {}, previous[map] ?? {});
    if (changed) faults.push(forbiddenValue(map, 'it was made immutable'));
  }
  const [first = '', second = ''] = maps;
  for (const key of Object.keys(asJsonObject(object[first]))) {
    if (!Object.hasOwn(asJsonObject(object[second]), key)) continue;
    faults.push(invalidValue(`${first}[${key}]`, key, `it is in ${second}, too`));
  }
  // As Kubernetes does, which names no field for it.
  if (bytes > MAX_DATA_BYTES) faults.push(tooLong('[]', MAX_DATA_BYTES));
  return faults;
}

import { isIP } from 'node:net';

import { asJsonObject, copyJson } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import type { FieldFault } from '../api/resource.ts';
import { forbiddenValue, invalidValue, labelAndAnnotationFaults, requiredValue, tooLong } from './field-faults.ts';
import { applyGameServerSpecDefaults, objectsIn } from './game-server-defaults.ts';
import { resourceFaults } from './resource-quantities.ts';

const MAX_NAME_BYTES = 63;

/** Names of Agones' objects become values of labels, so they are shorter than Kubernetes would let them be. */
export function nameLengthFaults(object: JsonObject): FieldFault[] {
  const name = asJsonObject(object['metadata'])['name'];
  if (typeof name !== 'string' || Buffer.byteLength(name) <= MAX_NAME_BYTES) return [];
  return [tooLong('metadata.name', MAX_NAME_BYTES)];
}

/** What the validating webhook finds in a GameServer: its name, its address outside the cluster, its spec. */
export function gameServerFaults(gameServer: JsonObject): FieldFault[] {
  const annotations = asJsonObject(asJsonObject(gameServer['metadata'])['annotations']);
  const address = annotations['agones.dev/dev-address'];
  const spec = asJsonObject(gameServer['spec']);
  const specFaults =
    typeof address === 'string' && address !== ''
      ? devGameServerFaults(spec, address)
      : gameServerSpecFaults(spec, 'spec');
  return [...nameLengthFaults(gameServer), ...specFaults];
}

/** What the validating webhook finds in the template of a Fleet or a GameServerSet, which it fills in first. */
export function gameServerTemplateFaults(template: unknown, path: string): FieldFault[] {
  const spec = copyJson(asJsonObject(asJsonObject(template)['spec']));
  applyGameServerSpecDefaults(spec);
  return [
    ...gameServerSpecFaults(spec, `${path}.spec`),
    ...labelAndAnnotationFaults(asJsonObject(template)['metadata'], `${path}.metadata`),
  ];
}

/** A GameServer outside the cluster needs to say where it is; nothing is run for it. */
function devGameServerFaults(spec: JsonObject, address: string): FieldFault[] {
  const faults = featureFaults(spec, 'spec');
  if (isIP(address) === 0) {
    faults.push(invalidValue('metadata.annotations.agones.dev/dev-address', address, 'must be an IP address'));
  }
  for (const [index, port] of objectsIn(spec['ports']).entries()) {
    if (!isSet(port['hostPort'])) {
      faults.push(requiredValue(`spec.ports[${index}].hostPort`, 'a GameServer with a dev address needs one'));
    }
    if (port['portPolicy'] !== 'Static') {
      faults.push(requiredValue(`spec.ports[${index}].portPolicy`, 'a GameServer with a dev address needs Static'));
    }
  }
  return [...faults, ...podMetadataFaults(spec, 'spec')];
}

function gameServerSpecFaults(spec: JsonObject, path: string): FieldFault[] {
  const podSpec = asJsonObject(asJsonObject(spec['template'])['spec']);
  const faults = [...featureFaults(spec, path), ...containerFaults(spec, podSpec, path)];
  for (const [index, port] of objectsIn(spec['ports']).entries()) {
    faults.push(...portFaults(port, `${path}.ports[${index}]`));
    const listens = port['container'];
    if (listens === undefined || !isSet(spec['container']) || hasListener(podSpec, listens)) continue;
    faults.push(invalidValue(`${path}.ports[${index}].container`, listens, 'names no container that keeps running'));
  }
  for (const key of ['initContainers', 'containers']) {
    for (const [index, container] of objectsIn(podSpec[key]).entries()) {
      const field = `${path}.template.spec.${key}[${index}].resources`;
      faults.push(...resourceFaults(container['resources'], field));
    }
  }
  return [...faults, ...podMetadataFaults(spec, path)];
}

/** Player tracking is a feature that is off. */
function featureFaults(spec: JsonObject, path: string): FieldFault[] {
  const players = spec['players'];
  if (players === undefined || players === null) return [];
  return [forbiddenValue(`${path}.players`, 'player tracking is off')];
}

function containerFaults(spec: JsonObject, podSpec: JsonObject, path: string): FieldFault[] {
  const faults: FieldFault[] = [];
  const containers = objectsIn(podSpec['containers']);
  const name = spec['container'] ?? '';
  if (name === '' && containers.length > 1) {
    faults.push(requiredValue(`${path}.container`, 'name the game server, as there are several containers'));
  }
  if (!containers.some((container) => container['name'] === name)) {
    faults.push(invalidValue(`${path}.container`, name, 'there is no container of that name'));
  }
  return faults;
}

function portFaults(port: JsonObject, path: string): FieldFault[] {
  const faults: FieldFault[] = [];
  const policy = port['portPolicy'];
  if ((policy === 'Dynamic' || policy === 'Static') && !isSet(port['containerPort'])) {
    faults.push(requiredValue(`${path}.containerPort`, `a ${policy} port needs one`));
  }
  if (policy === 'Passthrough' && isSet(port['containerPort'])) {
    faults.push(requiredValue(`${path}.containerPort`, 'a Passthrough port gets its container port'));
  }
  if ((policy === 'Dynamic' || policy === 'Passthrough') && isSet(port['hostPort'])) {
    faults.push(forbiddenValue(`${path}.hostPort`, `a ${policy} port gets its host port`));
  }
  return faults;
}

/** Containers can listen, and of the init containers those that keep running. */
function hasListener(podSpec: JsonObject, name: unknown): boolean {
  const sidecars = objectsIn(podSpec['initContainers']).filter((container) => container['restartPolicy'] === 'Always');
  return [...objectsIn(podSpec['containers']), ...sidecars].some((container) => container['name'] === name);
}

function podMetadataFaults(spec: JsonObject, path: string): FieldFault[] {
  return labelAndAnnotationFaults(asJsonObject(spec['template'])['metadata'], `${path}.template.metadata`);
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '' && !(typeof value === 'number' && value <= 0);
}

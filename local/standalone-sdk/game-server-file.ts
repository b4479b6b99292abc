import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { asJsonObject, copyJson, isJsonObject } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import { objectsIn } from '../resources/game-server-defaults.ts';

/** The file of a GameServer cannot be used; the message says why. */
export class GameServerFileError extends Error {
  constructor(file: string, why: string) {
    super(`${file}: ${why}`);
    this.name = 'GameServerFileError';
  }
}

const ADDRESS = '127.0.0.1';
const FIRST_PORT = 7777;

/** Keeps the object of a GameServer that has ended, until the next takes its place. */
export const STANDALONE_FINALIZER = 'regatta.dev/standalone-sdk';

/**
 * What a game without a file is.
 *
 * Source: Agones 1.57, the default GameServer of `pkg/sdkserver/localsdk.go`.
 */
const DEFAULT: JsonObject = {
  metadata: { name: 'local', namespace: 'default', labels: { islocal: 'true' }, annotations: { annotation: 'true' } },
  spec: {
    health: { periodSeconds: 3, failureThreshold: 5, initialDelaySeconds: 10 },
    ports: [{ name: 'default', containerPort: FIRST_PORT }],
    counters: { rooms: { count: 1, capacity: 10 } },
    lists: { players: { capacity: 100, values: ['test0', 'test1', 'test2'] } },
  },
};

/** The GameServer that Agones' local mode has without a file. */
export function defaultGameServer(): JsonObject {
  return standaloneGameServer(DEFAULT);
}

/**
 * The GameServer of a YAML or JSON file, or the first that a Fleet in it would make.
 *
 * @throws GameServerFileError
 */
export function readGameServerFile(file: string): JsonObject {
  const found = readObjects(file).find(({ kind }) => kind === 'GameServer' || kind === 'Fleet');
  if (found === undefined) throw new GameServerFileError(file, 'there is no GameServer in it');
  if (found['kind'] === 'GameServer') return standaloneGameServer(found);
  const template = asJsonObject(asJsonObject(found['spec'])['template']);
  const { name, namespace } = asJsonObject(found['metadata']);
  return standaloneGameServer({ ...template, metadata: { ...asJsonObject(template['metadata']), name, namespace } });
}

function readObjects(file: string): JsonObject[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new GameServerFileError(file, error instanceof Error ? error.message : 'it cannot be read');
  }
  return parseAllDocuments(text).map((document) => {
    const [fault] = document.errors;
    if (fault !== undefined) throw new GameServerFileError(file, fault.message.trimEnd());
    const content: unknown = document.toJS();
    return asJsonObject(content);
  });
}

/**
 * A GameServer that nothing is run for: Ready from the start, reached on this machine, held when it ends.
 *
 * Ports become Static, because nothing stands between players and the game: each is its host port, or its container's.
 * `status` of the file goes over what follows from its `spec`.
 */
function standaloneGameServer(source: JsonObject): JsonObject {
  const object = copyJson(source);
  const metadata = asJsonObject(object['metadata']);
  const { players, ...spec } = asJsonObject(object['spec']);
  const status = asJsonObject(object['status']);
  const ports = staticPorts(spec['ports']);
  const counters = { ...asJsonObject(spec['counters']), ...asJsonObject(status['counters']) };
  const lists = { ...asJsonObject(spec['lists']), ...asJsonObject(status['lists']) };
  const capacity = asJsonObject(players)['initialCapacity'];
  return withoutNulls({
    apiVersion: 'agones.dev/v1',
    kind: 'GameServer',
    metadata: {
      name: metadata['name'] ?? 'local',
      namespace: metadata['namespace'] ?? 'default',
      labels: metadata['labels'] ?? {},
      annotations: { ...asJsonObject(metadata['annotations']), 'agones.dev/dev-address': ADDRESS },
      finalizers: [STANDALONE_FINALIZER],
    },
    spec: {
      ...spec,
      ports,
      counters,
      lists,
      template: spec['template'] ?? { spec: { containers: [{ name: 'game', image: 'game' }] } },
    },
    status: {
      state: 'Ready',
      address: ADDRESS,
      // Known, so that becoming Ready again leaves the address and the ports that a file names.
      nodeName: ADDRESS,
      ports: ports.map(({ name, hostPort }) => ({ name: name ?? '', port: hostPort })),
      ...(capacity === undefined ? {} : { players: { count: 0, capacity, ids: [] } }),
      ...status,
      counters,
      lists,
    },
  });
}

function staticPorts(ports: unknown): JsonObject[] {
  return objectsIn(ports).map((port, index) => {
    const hostPort = port['hostPort'] ?? port['containerPort'] ?? FIRST_PORT + index;
    return { ...port, portPolicy: 'Static', hostPort, containerPort: port['containerPort'] ?? hostPort };
  });
}

function withoutNulls(object: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(object)
      .filter(([, value]) => value !== null)
      .map(([key, value]) => [key, isJsonObject(value) ? withoutNulls(value) : value]),
  );
}

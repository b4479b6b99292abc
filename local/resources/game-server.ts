import { AGONES } from '../../lib/agones.ts';
import type { JsonObject } from '../api/json.ts';
import type { ResourceDefinition } from '../api/resource.ts';
import { customResource } from './custom-resource.ts';
import {
  applyGameServerSpecDefaults,
  applyGameServerStatusDefaults,
  objectIn,
  shapeGameServerSpec,
  stampVersion,
} from './game-server-defaults.ts';
import { gameServerFaults } from './game-server-rules.ts';
import { gameServerSpecSchema, gameServerStatusSchema } from './game-server-schema.ts';
import { AGE_COLUMN, fieldColumn } from './printer-columns.ts';
import { fields } from './schema-parts.ts';
import { applySchemaDefaults } from './schema-defaults.ts';

const schema = fields(
  'A GameServer: one game server process, from its start to its end.',
  { spec: gameServerSpecSchema, status: gameServerStatusSchema },
  { required: ['spec'] },
);

/**
 * `gameservers.agones.dev`. It has no status subresource: one write changes labels, annotations and status. The webhooks see
 * its creation only, so later writes are held to the schema and nothing else.
 */
export const gameServerDefinition: ResourceDefinition = customResource({
  group: 'agones.dev',
  kind: 'GameServer',
  plural: 'gameservers',
  shortNames: ['gs'],
  statusSubresource: false,
  scale: { specReplicasPath: '.spec.immutableReplicas', statusReplicasPath: '.status.immutableReplicas' },
  columns: [
    fieldColumn('State', 'string', 'status.state'),
    fieldColumn('Address', 'string', 'status.address'),
    fieldColumn('Port', 'string', 'status.ports.0.port'),
    fieldColumn('Node', 'string', 'status.nodeName'),
    AGE_COLUMN,
  ],
  schema,
  mutate: applyGameServerDefaults,
  rules: (gameServer, previous) => (previous === undefined ? gameServerFaults(gameServer) : []),
});

function applyGameServerDefaults(gameServer: JsonObject): void {
  const metadata = objectIn(gameServer, 'metadata');
  stampVersion(metadata);
  holdUntilPodIsGone(metadata);
  const spec = objectIn(gameServer, 'spec');
  shapeGameServerSpec(spec);
  applyGameServerSpecDefaults(spec);
  applySchemaDefaults(spec, gameServerSpecSchema);
  applyGameServerStatusDefaults(gameServer);
}

function holdUntilPodIsGone(metadata: JsonObject): void {
  const finalizers = metadata['finalizers'] ?? [];
  if (!Array.isArray(finalizers) || finalizers.includes(AGONES.controllerFinalizer)) return;
  metadata['finalizers'] = [...finalizers, AGONES.controllerFinalizer];
}

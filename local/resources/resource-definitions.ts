import type { ResourceDefinition } from '../api/resource.ts';
import { fleetDefinition } from './fleet.ts';
import { gameServerDefinition } from './game-server.ts';
import { gameServerSetDefinition } from './game-server-set.ts';

/** Every kind whose objects are stored. GameServerAllocations are not: they are answered and forgotten. */
export const resourceDefinitions: readonly ResourceDefinition[] = [
  fleetDefinition,
  gameServerDefinition,
  gameServerSetDefinition,
];

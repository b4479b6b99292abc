import type { ResourceDefinition } from '../api/resource.ts';
import { configMapDefinition, secretDefinition, serviceAccountDefinition } from './configuration-data.ts';
import { eventDefinition } from './event.ts';
import { fleetAutoscalerDefinition } from './fleet-autoscaler.ts';
import { fleetDefinition } from './fleet.ts';
import { gameServerAllocationPolicyDefinition } from './game-server-allocation-policy.ts';
import { gameServerDefinition } from './game-server.ts';
import { gameServerSetDefinition } from './game-server-set.ts';
import { leaseDefinition } from './lease.ts';
import { namespaceDefinition } from './namespace.ts';
import { nodeDefinition } from './node.ts';
import { podDefinition } from './pod.ts';

/**
 * Every kind whose objects are stored. GameServerAllocations are not: they are answered and forgotten, so their
 * definition goes to what serves them.
 */
export const resourceDefinitions: readonly ResourceDefinition[] = [
  fleetDefinition,
  gameServerDefinition,
  gameServerSetDefinition,
  fleetAutoscalerDefinition,
  gameServerAllocationPolicyDefinition,
  namespaceDefinition,
  eventDefinition,
  nodeDefinition,
  podDefinition,
  configMapDefinition,
  secretDefinition,
  serviceAccountDefinition,
  leaseDefinition,
];

import type { GameServerSet, GameServerSetStatus } from '../../lib/agones.ts';
import { NOTHING } from './aggregates.ts';
import type { Aggregates } from './aggregates.ts';
import type { SetMembers } from './set-members.ts';

/**
 * The status of a set with these GameServers. Those on their way out count as `shutdownReplicas` only.
 *
 * Counters and Lists of the template are there, at zero, even while there is no GameServer.
 */
export function setStatus({ spec: { template } }: GameServerSet, members: SetMembers): GameServerSetStatus {
  const shutdownReplicas = members.in('leaving').size;
  const counters = { ...zeros(template.spec.counters), ...members.sums.counters };
  const lists = { ...zeros(template.spec.lists), ...members.sums.lists };
  return {
    replicas: members.size - shutdownReplicas,
    readyReplicas: members.in('Ready').size,
    reservedReplicas: members.in('Reserved').size,
    allocatedReplicas: members.in('Allocated').size,
    shutdownReplicas,
    ...(Object.keys(counters).length > 0 ? { counters } : {}),
    ...(Object.keys(lists).length > 0 ? { lists } : {}),
  };
}

function zeros(names: object | undefined): Aggregates {
  return Object.fromEntries(Object.keys(names ?? {}).map((name) => [name, NOTHING]));
}

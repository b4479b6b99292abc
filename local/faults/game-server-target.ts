import type { GameServer } from '../../lib/agones.ts';
import { compileLabelSelector } from '../api/selectors.ts';
import type { GameServerTarget, RunningTarget } from './fault-schema.ts';

export function matchesGameServer(target: GameServerTarget | RunningTarget, { metadata, status }: GameServer): boolean {
  if (target.namespace !== undefined && target.namespace !== metadata.namespace) return false;
  if (target.name !== undefined && target.name !== metadata.name) return false;
  if ('states' in target && !target.states?.some((state) => state === status?.state)) return false;
  return target.labelSelector === undefined || compileLabelSelector(target.labelSelector).matches(metadata.labels);
}

import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Allocations } from '../allocation/allocations.ts';
import type { Draining } from '../allocation/draining.ts';
import type { Once } from '../allocation/once.ts';
import type { Games, GameServers } from '../allocation/ports.ts';
import type { Reaper } from '../allocation/reaper.ts';
import type { ReturningSeats } from '../allocation/returning-seats.ts';
import type { Seats } from '../allocation/seats.ts';
import type { ServiceCredential } from '../service-credential.ts';

export interface AppSettings {
  /** Where players reach the gateway; undefined: where their request came to. */
  publicUrl: string | undefined;
  trustProxy: boolean;
  directMode: boolean;
  directNameSuffix: string | undefined;
  directPortName: string;
  defaultGame: string | undefined;
  defaultWaitSeconds: number;
  maxWaitSeconds: number;
  retryAfterSeconds: number;
  /** How long a player who says that a GameServer has gone waits until that is seen. */
  lossNoticeMs: number;
  maxBodyBytes: number;
  maxServiceBodyBytes: number;
  webDirectory: string;
  /** Where GameServers are; empty where nobody said. */
  regions: readonly { name: string; pingUrl?: string }[];
}

/** All that the routes call. */
export interface AppDependencies {
  allocations: Allocations;
  once: Once;
  /** The id of the session that is made under a key. */
  sessionIdOfKey: (key: string) => string;
  /** Whether a session may be there that a predecessor asked for, and that only Kubernetes itself knows of. */
  mayHavePredecessor: () => boolean;
  seats: Seats;
  returningSeats: ReturningSeats;
  gameServers: GameServers;
  games: Games;
  reaper: Pick<Reaper, 'look'>;
  draining: Pick<Draining, 'drainFleet'>;
  /** Undefined: the service API is off. */
  serviceCredential: ServiceCredential | undefined;
  /** Whether new requests should come here. */
  isReady: () => boolean;
  /** Whether another allocator is at work that this one knows nothing of. */
  isSecond: () => boolean;
  clock: Clock;
  logger: Logger;
  newRequestId: () => string;
  settings: AppSettings;
}

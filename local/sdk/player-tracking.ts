import type { GameServerStatus } from '../../lib/agones.ts';
import { GRPC_CODE, PLAYER_TRACKING_OFF, SdkError } from './sdk-error.ts';

/** Who plays, as a GameServer's status has it. */
export interface PlayerStatus {
  count: number;
  capacity: number;
  ids: string[];
}

/** The players of a status; none where nobody was counted yet. */
export function playersOf(status: GameServerStatus | undefined): PlayerStatus {
  // The store holds it to the schema; the lib's type leaves it open, because nothing of ours reads it.
  const {
    count = 0,
    capacity = 0,
    ids,
  } = (status?.players ?? {}) as Partial<Omit<PlayerStatus, 'ids'>> & {
    ids?: string[] | null;
  };
  return { count, capacity, ids: ids ?? [] };
}

export interface PlayerTrackingOptions {
  /** The feature gate `PlayerTracking`, which Agones has off. */
  enabled: boolean;
  status(): GameServerStatus | undefined;
  write(players: PlayerStatus): void;
}

/**
 * The alpha calls of the SDK. Unlike Counters and Lists their changes are written at once.
 *
 * Every method throws SdkError when the feature is off.
 */
export class PlayerTracking {
  readonly #options: PlayerTrackingOptions;

  constructor(options: PlayerTrackingOptions) {
    this.#options = options;
  }

  /**
   * @returns whether the player was not there before
   * @throws SdkError when there is no room
   */
  connect(id: string): boolean {
    const players = this.#players();
    if (players.ids.includes(id)) return false;
    if (players.ids.length >= players.capacity) {
      throw new SdkError(GRPC_CODE.unknown, 'Players are already at capacity');
    }
    this.#write({ ...players, ids: [...players.ids, id] });
    return true;
  }

  /** @returns whether the player was there */
  disconnect(id: string): boolean {
    const players = this.#players();
    if (!players.ids.includes(id)) return false;
    this.#write({ ...players, ids: players.ids.filter((other) => other !== id) });
    return true;
  }

  isConnected(id: string): boolean {
    return this.#players().ids.includes(id);
  }

  get connected(): string[] {
    return this.#players().ids;
  }

  get count(): number {
    return this.#players().ids.length;
  }

  get capacity(): number {
    return this.#players().capacity;
  }

  /** Players beyond a smaller capacity stay. */
  setCapacity(capacity: number): void {
    this.#write({ ...this.#players(), capacity });
  }

  #players(): PlayerStatus {
    if (!this.#options.enabled) throw new SdkError(GRPC_CODE.unknown, PLAYER_TRACKING_OFF);
    return playersOf(this.#options.status());
  }

  #write(players: PlayerStatus): void {
    this.#options.write({ ...players, count: players.ids.length });
  }
}

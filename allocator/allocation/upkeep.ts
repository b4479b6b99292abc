import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { GameServerView } from './ports.ts';

/**
 * What came of a change. `refuted`: the GameServer was another than the view shows, and nothing was changed.
 * `unavailable`: Kubernetes did not answer well, and it may have been changed.
 */
export type UpkeepOutcome = 'done' | 'refuted' | 'unavailable';

/** Changes to GameServers, each made only if the GameServer is yet as the view shows it. Bounded in time. */
export interface GameServerUpkeep {
  /**
   * @param options - `isLost`: its game server can say nothing any more, so it is said for it that its session was cut short
   * @throws KubernetesRefusal
   */
  shutDown(gameServer: GameServerView, options: { isLost: boolean }): Promise<UpkeepOutcome>;
  /** Makes a claimed GameServer Ready again. @throws KubernetesRefusal */
  giveBackClaim(gameServer: GameServerView): Promise<UpkeepOutcome>;
  /** Takes one session off a shared GameServer. @throws KubernetesRefusal */
  endSession(gameServer: GameServerView, sessionId: string): Promise<UpkeepOutcome>;
  /** Tells a GameServer that it drains. @throws KubernetesRefusal */
  markDraining(gameServer: GameServerView, sinceMs: number): Promise<UpkeepOutcome>;
  /** Whether its Pod is there, and has not ended. @throws KubernetesDown, KubernetesRefusal */
  hasPod(gameServer: GameServerView): Promise<boolean>;
  /** Writes an Event about it, where that is possible. */
  tell(gameServer: GameServerView, event: { reason: string; message: string }): Promise<void>;
}

/** Work that one replica does now and then. */
export interface UpkeepTask {
  readonly name: string;
  /** Works on what is known now, within bounds. */
  pass(): Promise<void>;
  /** Not its turn: what is known is not fresh, or another replica does it. What it noticed before counts no more. */
  rest(): void;
}

export interface UpkeepRoundsOptions {
  clock: Clock;
  logger: Logger;
  everyMs: number;
  /** Whether what is known of GameServers is fresh. */
  isFresh: () => boolean;
  /** Whether it is this replica that does it. */
  isHeld: () => boolean;
  tasks: readonly UpkeepTask[];
}

/** Has the tasks pass by turns, one at a time, again and again. */
export class UpkeepRounds {
  readonly #options: UpkeepRoundsOptions;
  #cancel: () => void = () => {};
  #underWay: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: UpkeepRoundsOptions) {
    this.#options = options;
  }

  start(): void {
    const { clock, everyMs } = this.#options;
    this.#cancel = clock.after(everyMs, () => {
      this.#underWay = this.#round().finally(() => {
        if (!this.#isClosed) this.start();
      });
    });
  }

  /** Begins no further round, and waits for the one under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel();
    await this.#underWay;
  }

  async #round(): Promise<void> {
    const { tasks, isFresh, isHeld, logger } = this.#options;
    for (const task of tasks) {
      if (this.#isClosed || !isFresh() || !isHeld()) {
        task.rest();
        continue;
      }
      try {
        await task.pass();
      } catch (error) {
        logger.error({ err: error, task: task.name }, 'upkeep failed; it goes on with the next round');
      }
    }
  }
}

import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { PlaceLedger } from './place-ledger.ts';
import type { GameServerView } from './ports.ts';

export interface QuietGameServersOptions {
  ledger: PlaceLedger;
  /**
   * Changes the state if nothing about the GameServer has changed since this view.
   *
   * @returns whether it did
   */
  giveBack: (gameServer: GameServerView, state: 'Ready' | 'Shutdown') => Promise<boolean>;
  isOutdated: (gameServer: GameServerView) => boolean;
  clock: Clock;
  logger: Logger;
  /** A shared GameServer may be Allocated without a session for this long. */
  quietMs: number;
}

/** How often is looked within the quiet time. */
const LOOKS_PER_QUIET = 4;

/**
 * Gives shared GameServers back that hold no session any more, so that a Fleet can shrink: to Ready, or to their end
 * where there is a newer version of their Fleet.
 *
 * One that gets a session at the same moment keeps it: the change is made on the version that was seen empty alone.
 */
export class QuietGameServers {
  readonly #options: QuietGameServersOptions;
  #cancel: () => void = () => {};
  #looking: Promise<void> = Promise.resolve();

  constructor(options: QuietGameServersOptions) {
    this.#options = options;
  }

  start(): void {
    const { clock, quietMs } = this.#options;
    this.#cancel = clock.after(quietMs / LOOKS_PER_QUIET, () => {
      this.#looking = this.#look();
      this.start();
    });
  }

  async stop(): Promise<void> {
    this.#cancel();
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { ledger, quietMs } = this.#options;
    for (const gameServer of ledger.emptyFor(quietMs)) await this.#giveBack(gameServer);
  }

  async #giveBack(gameServer: GameServerView): Promise<void> {
    const { giveBack, isOutdated, logger } = this.#options;
    const state = isOutdated(gameServer) ? 'Shutdown' : 'Ready';
    try {
      if (await giveBack(gameServer, state))
        logger.info({ gameServer: gameServer.name, state }, 'gave a GameServer back');
    } catch (error) {
      logger.warn({ err: error, gameServer: gameServer.name }, 'cannot give a GameServer back');
    }
  }
}

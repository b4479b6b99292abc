import type { Clock } from '../../lib/clock.ts';
import { pause } from '../../lib/pause.ts';
import type { GameServerRef, GameServers } from './ports.ts';

export interface ConfirmationsOptions {
  gameServers: Pick<GameServers, 'holding'>;
  clock: Clock;
  /** A game server that has not confirmed by then is not waited for any longer. */
  withinMs: number;
}

/** How often the watch's view is looked at. */
const LOOK_MS = 20;

/** Waits for game servers to say that they have opened their session, in the annotation that the watch shows. */
export class Confirmations {
  readonly #options: ConfirmationsOptions;

  constructor(options: ConfirmationsOptions) {
    this.#options = options;
  }

  /** @returns whether it was confirmed in time */
  async isConfirmed({ cluster, name }: GameServerRef, sessionId: string): Promise<boolean> {
    const { gameServers, clock, withinMs } = this.#options;
    const untilMs = clock.nowMs() + withinMs;
    for (;;) {
      const gameServer = gameServers.holding(sessionId);
      const isSame = gameServer?.name === name && gameServer.cluster === cluster;
      if (isSame && gameServer.report?.sessionId === sessionId) return gameServer.report.step !== 'ended';
      if (clock.nowMs() >= untilMs) return false;
      await pause(clock, LOOK_MS);
    }
  }
}

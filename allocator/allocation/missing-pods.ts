import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { allocatedAtMs } from './doubles.ts';
import type { Ownership } from './ownership.ts';
import { KubernetesDown, KubernetesRefusal } from './ports.ts';
import type { GameServerView } from './ports.ts';
import type { GameServerUpkeep } from './upkeep.ts';

export interface MissingPodsOptions {
  upkeep: Pick<GameServerUpkeep, 'hasPod'>;
  ownership: Ownership;
  clock: Clock;
  logger: Logger;
  /** A Pod that was there is looked for again after this. */
  againAfterMs: number;
  /** Pods that are looked for at one time, at most. */
  maxLookups: number;
}

interface Looked {
  atMs: number;
  isGone: boolean;
}

/** Without the right to read Pods nothing is asked for this long. */
const REFUSED_MS = 600_000;

/**
 * The GameServers of ours whose Pod has gone. Agones sees to these itself, so it looks without haste: a few at a time,
 * those that were not looked at for longest.
 */
export class MissingPods {
  readonly #options: MissingPodsOptions;
  /** By the uid of the GameServer. */
  #looked = new Map<string, Looked>();
  #refusedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: MissingPodsOptions) {
    this.#options = options;
  }

  /** Whether it had none when it was looked at last. */
  isGone({ uid }: GameServerView): boolean {
    return this.#looked.get(uid)?.isGone === true;
  }

  async look(gameServers: Iterable<GameServerView>): Promise<void> {
    const { clock, logger, againAfterMs, maxLookups } = this.#options;
    const nowMs = clock.nowMs();
    const candidates = [...gameServers].filter(
      (each) => this.#mayLack(each) && nowMs - allocatedAtMs(each) >= againAfterMs,
    );
    this.#looked = new Map(
      candidates.flatMap(({ uid }) => {
        const looked = this.#looked.get(uid);
        return looked === undefined ? [] : [[uid, looked]];
      }),
    );
    if (nowMs < this.#refusedUntilMs) return;
    const due = candidates
      .map((gameServer) => ({ gameServer, looked: this.#looked.get(gameServer.uid) }))
      .filter(({ looked }) => looked === undefined || looked.isGone || nowMs - looked.atMs >= againAfterMs)
      .toSorted((a, b) => (a.looked?.atMs ?? 0) - (b.looked?.atMs ?? 0))
      .slice(0, maxLookups);
    const outcomes = await Promise.allSettled(due.map(({ gameServer }) => this.#lookAt(gameServer, nowMs)));
    for (const outcome of outcomes) {
      if (outcome.status === 'fulfilled') continue;
      const error: unknown = outcome.reason;
      if (error instanceof KubernetesRefusal) this.#refusedUntilMs = nowMs + REFUSED_MS;
      else if (!(error instanceof KubernetesDown)) throw error;
      logger.warn({ err: error }, 'cannot look for the Pods of GameServers');
      return;
    }
  }

  async #lookAt(gameServer: GameServerView, nowMs: number): Promise<void> {
    // Until it is known better, as after a look that failed.
    this.#looked.set(gameServer.uid, { atMs: nowMs, isGone: false });
    const isGone = !(await this.#options.upkeep.hasPod(gameServer));
    this.#looked.set(gameServer.uid, { atMs: nowMs, isGone });
  }

  #mayLack(gameServer: GameServerView): boolean {
    const { state, isGoing, isDevelopment, shared } = gameServer;
    if (state !== 'Allocated' || isGoing || isDevelopment || shared !== undefined) return false;
    const { ownership } = this.#options;
    return ownership.session(gameServer) !== undefined || ownership.claim(gameServer) !== undefined;
  }
}

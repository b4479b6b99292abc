import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { MissingPods } from './missing-pods.ts';
import type { GameServers, GameServerView } from './ports.ts';
import { findLeaks } from './reap-rules.ts';
import type { Finding, Leak, ReapRules } from './reap-rules.ts';
import type { GameServerUpkeep, UpkeepOutcome, UpkeepTask } from './upkeep.ts';

/** `dry-run` tells what it would do, once for each leak, and does nothing. */
export type ReaperMode = 'off' | 'dry-run' | 'on';

/** Told of what the reaper does, for metrics. */
export interface ReaperObserver {
  reaped(finding: Finding, mode: ReaperMode): void;
  /** How many GameServers nobody needs now. */
  orphaned(count: number): void;
}

export interface ReaperOptions {
  gameServers: GameServers;
  upkeep: GameServerUpkeep;
  missingPods: MissingPods;
  clock: Clock;
  logger: Logger;
  observer: ReaperObserver;
  mode: ReaperMode;
  /** A leak must be seen in two passes, and for this long. */
  graceMs: number;
  /** GameServers it changes in one pass, at most. */
  maxPerPass: number;
  rules: Pick<
    ReapRules,
    'ownership' | 'maxSessionMs' | 'noShowMarginMs' | 'maxDrainMs' | 'isPursuing' | 'answeredWith'
  >;
  /**
   * Asked before a claim that has run out is given back: whether nobody has bound it to a session elsewhere. Its answer
   * must hold from then on.
   */
  mayGiveBack: (gameServer: GameServerView) => Promise<boolean>;
}

/**
 * Finds GameServers that are Allocated and that nobody needs, and ends them: only what carries our marks, only what the
 * watch has shown so in two passes at least, and only if it is yet as the watch showed it.
 */
export class Reaper implements UpkeepTask {
  readonly name = 'reaper';
  readonly #options: ReaperOptions;
  /** Leaks by their ids, since when they were seen, and whether a dry run has told of them. */
  #suspects = new Map<string, { sinceMs: number; isTold: boolean }>();

  constructor(options: ReaperOptions) {
    this.#options = options;
  }

  /** What looks like a leak now, whether it was seen before or not. */
  look(): Leak[] {
    const { gameServers, clock, missingPods, rules } = this.#options;
    return findLeaks(gameServers.all(), {
      ...rules,
      nowMs: clock.nowMs(),
      isPodGone: (gameServer) => missingPods.isGone(gameServer),
      isOutdated: (gameServer) => gameServers.isOutdated(gameServer),
    });
  }

  async pass(): Promise<void> {
    const { clock, graceMs, maxPerPass, mode, missingPods, gameServers, observer } = this.#options;
    await missingPods.look(gameServers.all());
    const nowMs = clock.nowMs();
    const leaks = this.look();
    const before = this.#suspects;
    this.#suspects = new Map(leaks.map(({ id }) => [id, before.get(id) ?? { sinceMs: nowMs, isTold: false }]));
    const certain = leaks.filter(({ id }) => nowMs - (before.get(id)?.sinceMs ?? Number.NaN) >= graceMs);
    observer.orphaned(new Set(certain.map(({ gameServer }) => gameServer.uid)).size);
    if (mode === 'dry-run') for (const leak of certain) this.#tell(leak);
    else
      await Promise.all(
        this.#longestKnown(certain)
          .slice(0, maxPerPass)
          .map((leak) => this.#reap(leak)),
      );
  }

  rest(): void {
    this.#suspects.clear();
    this.#options.observer.orphaned(0);
  }

  #longestKnown(leaks: readonly Leak[]): Leak[] {
    const sinceMs = ({ id }: Leak): number => this.#suspects.get(id)?.sinceMs ?? 0;
    return leaks.toSorted((a, b) => sinceMs(a) - sinceMs(b));
  }

  #tell(leak: Leak): void {
    const suspect = this.#suspects.get(leak.id);
    if (suspect === undefined || suspect.isTold) return;
    suspect.isTold = true;
    this.#options.logger.info(fieldsOf(leak), 'would reap a GameServer');
    this.#options.observer.reaped(leak.finding, 'dry-run');
  }

  async #reap(leak: Leak): Promise<void> {
    const { clock, logger, observer, upkeep, mode } = this.#options;
    const { gameServer, finding } = leak;
    // Whatever comes of it, the watch is given time to show it, and other leaks their turn.
    this.#suspects.set(leak.id, { sinceMs: clock.nowMs(), isTold: false });
    let outcome: UpkeepOutcome;
    try {
      outcome = await this.#remedy(leak);
    } catch (error) {
      logger.error({ err: error, ...fieldsOf(leak) }, 'cannot reap a GameServer');
      return;
    }
    if (outcome !== 'done') {
      logger.info({ ...fieldsOf(leak), outcome }, 'left a GameServer to the next look');
      return;
    }
    logger.info(fieldsOf(leak), 'reaped a GameServer');
    observer.reaped(finding, mode);
    await upkeep.tell(gameServer, { reason: 'RegattaReaped', message: MESSAGES[finding] });
  }

  async #remedy({ remedy, gameServer, finding, sessionId }: Leak): Promise<UpkeepOutcome> {
    const { upkeep, mayGiveBack } = this.#options;
    // A claim may be bound to a session already, and its GameServer not told yet.
    if (finding === 'claim-expired' && !(await mayGiveBack(gameServer))) return 'refuted';
    switch (remedy) {
      case 'give-back':
        return upkeep.giveBackClaim(gameServer);
      case 'end-session':
        return upkeep.endSession(gameServer, sessionId ?? '');
      case 'shut-down':
        return upkeep.shutDown(gameServer, { isLost: finding === 'pod-gone' });
    }
  }
}

const MESSAGES: Record<Finding, string> = {
  'pod-gone': 'Its Pod has gone',
  double: 'Another GameServer holds its session',
  'session-ended': 'Its session has ended',
  'session-too-long': 'Its session is older than any can be',
  'no-show': 'No player came to its session in time',
  'drain-overdue': 'It was told to drain and has not ended in time',
  'claim-expired': 'Its claim has run out',
};

function fieldsOf({ gameServer, finding, remedy, sessionId }: Leak): object {
  return { gameServer: gameServer.name, fleet: gameServer.fleet, finding, remedy, sessionId };
}

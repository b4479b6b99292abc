import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { pause } from '../../lib/pause.ts';
import { formatSessionReport, SESSION_REPORT_ANNOTATION, SESSION_REPORT_NAME } from '../../lib/session-report.ts';
import type { SessionReport } from '../../lib/session-report.ts';
import { waitForView } from './game-server-sdk.ts';
import type { GameServerSdk, GameServerView } from './game-server-sdk.ts';

export interface SessionReporterOptions {
  sdk: GameServerSdk;
  clock: Clock;
  logger: Logger;
  /** How long Agones may take to write what it was told, before it is told again. */
  stateWaitMs: number;
}

const RETRY_MS = 500;
/** With the waits between them: longer than any sidecar takes to come back. */
const MAX_TRIES = 100;

/**
 * Writes on the GameServer how far its session is, for who cannot ask the game server itself. Only the newest report
 * counts. It is told again until it shows, for a sidecar that restarts forgets what it was told.
 */
export class SessionReporter {
  readonly #options: SessionReporterOptions;
  #newest: string | undefined;
  #isTelling = false;

  constructor(options: SessionReporterOptions) {
    this.#options = options;
  }

  report(report: SessionReport): void {
    this.#newest = formatSessionReport(report);
    if (!this.#isTelling) void this.#tell();
  }

  /** Tells once what comes after nothing else. Resolves when Agones has taken it, or cannot be told. */
  async reportLast(report: SessionReport): Promise<void> {
    const { sdk, logger } = this.#options;
    this.close();
    try {
      await sdk.setAnnotation(SESSION_REPORT_NAME, formatSessionReport(report));
    } catch (error) {
      logger.warn({ err: error }, 'could not report on the end of the session');
    }
  }

  /** What was not told by now is told no more. */
  close(): void {
    this.#newest = undefined;
  }

  async #tell(): Promise<void> {
    const { sdk, clock, logger, stateWaitMs } = this.#options;
    this.#isTelling = true;
    for (let attempt = 0; attempt < MAX_TRIES; attempt += 1) {
      const text = this.#newest;
      if (text === undefined || shows(sdk.gameServer, text)) break;
      try {
        await sdk.setAnnotation(SESSION_REPORT_NAME, text);
        await waitForView(sdk, clock, stateWaitMs, (view) => shows(view, text) || this.#newest !== text);
      } catch (error) {
        logger.warn({ err: error, attempt }, 'could not report on the session');
        await pause(clock, RETRY_MS);
      }
    }
    this.#isTelling = false;
  }
}

function shows({ annotations }: GameServerView, text: string): boolean {
  return annotations.get(SESSION_REPORT_ANNOTATION) === text;
}

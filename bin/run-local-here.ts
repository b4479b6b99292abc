import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemClock } from '../lib/clock.ts';
import { ConfigError } from '../lib/config.ts';
import { Lifecycle } from '../lib/lifecycle.ts';
import { createLogger } from '../lib/logger.ts';
import type { LogDestination } from '../lib/logger.ts';
import { loadConfig } from '../local/config.ts';
import type { LocalConfig } from '../local/config.ts';
import { startLocal } from '../local/local.ts';
import type { Local } from '../local/local.ts';
import { LogFile } from '../local/node/log-file.ts';
import { explainStartError } from '../local/start-error.ts';
import { interruption } from './interruption.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage.ts';

/** On top of what GameServers get to end themselves. */
const STOP_DEADLINE_MS = 7000;

export interface RunLocalOptions {
  terminal: Terminal;
  /** Goes over the environment of this process. */
  environment: Record<string, string>;
  /** What the program has to say of itself. */
  logFile: string;
  showLogLines: boolean;
  /** Ends it without an interruption. */
  timeoutMs?: number;
  /** Called once it is up. What it registers at `lifecycle` is stopped before local. */
  whenUp(local: Local, config: LocalConfig, lifecycle: Lifecycle): Promise<void>;
}

/**
 * Runs Agones in this very process until Ctrl-C, and exits.
 *
 * @throws UsageError when it cannot start for a reason that can be mended
 */
export async function runLocalHere(options: RunLocalOptions): Promise<never> {
  const { terminal, logFile } = options;
  const config = readConfig(options.environment);
  const logger = createLogger('local', config.logLevel, openedLate(logFile, config.logFileBytes));
  const lifecycle = new Lifecycle({ logger, stopDeadlineMs: config.stopGraceMs + STOP_DEADLINE_MS });
  const ended = interruption();
  try {
    const local = await startLocal({
      config,
      clock: systemClock,
      logger,
      onNotice(notice) {
        terminal.notice(notice);
      },
      ...(options.showLogLines ? { onLogLine: (name, line) => terminal.logLine(name, line) } : {}),
    });
    lifecycle.onStop('local', local.stop);
    await options.whenUp(local, config, lifecycle);
    await Promise.race([ended, timeout(options.timeoutMs)]);
    terminal.say('stopping');
  } catch (error) {
    await lifecycle.stop();
    const explained = explainStartError(error, config);
    throw explained === undefined ? error : new UsageError(explained, { cause: error });
  }
  const clean = await lifecycle.stop();
  terminal.say(clean ? 'stopped' : `stopped, not everything in time: see ${logFile}`);
  process.exit(clean ? 0 : 1);
}

/** Where a command keeps what the program has to say of itself. */
export function logFileIn(stateDirectory: string, program: string): string {
  return join(stateDirectory, 'logs', `${program}.log`);
}

/** @throws UsageError naming every fault */
function readConfig(environment: Record<string, string>): LocalConfig {
  try {
    return loadConfig({ ...process.env, ...environment });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new UsageError(`the environment is not right\n${error.message}`, { cause: error });
  }
}

/** Opened with the first line, which comes once the folder is this process's own. */
function openedLate(path: string, maxBytes: number): LogDestination {
  let file: LogFile | undefined;
  return {
    write(line) {
      if (file === undefined) mkdirSync(dirname(path), { recursive: true });
      file ??= new LogFile(path, maxBytes);
      file.write(line);
    },
  };
}

function timeout(durationMs: number | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (durationMs !== undefined) setTimeout(resolve, durationMs);
  });
}

import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import { badRequest } from '../api/refusals.ts';
import { ContainerLog } from './container-log.ts';
import type { LogReadOptions } from './container-log.ts';

/** Which log of a Pod, and which part of it. */
export interface PodLogReadOptions extends LogReadOptions {
  /** Must be given when the Pod has several. */
  container?: string;
  /** The log of the container before its last restart. */
  previous?: boolean;
}

export interface PodLogsOptions {
  clock: Clock;
  directory: string;
  /** Lines of each container kept in memory. */
  keptLines: number;
  /** A file that grows beyond this is set aside once, as `NAME.log.1`. */
  maxFileBytes: number;
  /** Logs of this many containers that have ended can still be read, in memory and on disk; the oldest go first. */
  keptEndedPods: number;
  /** Told every line as it comes, e.g. for one stream of all GameServers. */
  onLine?: (pod: string, line: string) => void;
}

/** What the process of each container printed: the newest lines in memory, more of it in files. */
export class PodLogs {
  readonly #options: PodLogsOptions;
  /** By Pod, then by container; in order of their start. */
  readonly #logs = new Map<string, Map<string, ContainerLog>>();

  constructor(options: PodLogsOptions) {
    this.#options = options;
    mkdirSync(options.directory, { recursive: true });
  }

  /** Begins the log of a container; one of the same name from an earlier Pod is forgotten. */
  open(namespace: string, pod: string, container: string): ContainerLog {
    const { clock, directory, keptLines, maxFileBytes, onLine } = this.#options;
    this.#forgetOldest();
    const key = `${namespace}/${pod}`;
    const logs = this.#logs.get(key) ?? new Map<string, ContainerLog>();
    logs.get(container)?.end();
    const log = new ContainerLog({
      clock,
      path: join(directory, `${namespace}.${pod}.${container}.log`),
      keptLines,
      maxFileBytes,
      onLine: (line) => onLine?.(pod, line),
    });
    logs.set(container, log);
    this.#logs.delete(key);
    this.#logs.set(key, logs);
    return log;
  }

  /** No more comes of a container. */
  end(namespace: string, pod: string, container: string): void {
    this.#logs.get(`${namespace}/${pod}`)?.get(container)?.end();
  }

  /**
   * Lines with their ends; undefined when there is no log (yet).
   *
   * @throws StatusError 400 when the container is not named and there are several, when there is none of that name, or when
   *   the log before a restart is asked for: nothing is started twice
   */
  read(namespace: string, pod: string, options: PodLogReadOptions): AsyncIterable<string> | undefined {
    const logs = this.#logs.get(`${namespace}/${pod}`);
    if (logs === undefined) return undefined;
    const names = [...logs.keys()];
    const name = options.container ?? (names.length === 1 ? names[0] : undefined);
    if (name === undefined) {
      throw badRequest(`a container name must be specified for pod ${pod}, choose one of: [${names.join(' ')}]`);
    }
    const log = logs.get(name);
    if (log === undefined) throw badRequest(`container ${name} is not valid for pod ${pod}`);
    if (options.previous === true) {
      throw badRequest(`previous terminated container "${name}" in pod "${pod}" not found`);
    }
    return log.read(options);
  }

  /** The last lines of a container, without their ends; none when there is no log. */
  lastLines(namespace: string, pod: string, container: string, count: number): string[] {
    return this.#logs.get(`${namespace}/${pod}`)?.get(container)?.lastLines(count) ?? [];
  }

  /** Ends every log; the files stay. */
  close(): void {
    for (const logs of this.#logs.values()) for (const log of logs.values()) log.end();
    this.#logs.clear();
  }

  #forgetOldest(): void {
    const { directory, keptEndedPods } = this.#options;
    const ended = [...this.#logs].filter(([, logs]) => [...logs.values()].every((log) => log.ended));
    for (const [key] of ended.slice(0, Math.max(0, ended.length - keptEndedPods))) this.#logs.delete(key);
    // What is left of an earlier run, or is forgotten, may take the places that are free.
    const keptOld = Math.max(0, keptEndedPods - ended.length);
    const inUse = new Set([...this.#logs.values()].flatMap((logs) => [...logs.values()].map((log) => log.path)));
    const old = readdirSync(directory)
      .map((file) => join(directory, file))
      .filter((path) => !inUse.has(path) && !inUse.has(path.replace(/\.1$/, '')))
      .map((path) => ({ path, changedMs: statSync(path).mtimeMs }))
      .toSorted((a, b) => b.changedMs - a.changedMs);
    for (const { path } of old.slice(keptOld)) rmSync(path, { force: true });
  }
}

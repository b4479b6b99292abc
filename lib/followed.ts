import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';

export interface FollowedOptions<Value> {
  /** What is followed, and where it is, for the log: `client certificates`. */
  what: string;
  path: string;
  /** @throws Error when what is there cannot be used; its message holds no secret */
  read: () => Value;
  isSame: (one: Value, other: Value) => boolean;
  clock: Clock;
  logger: Logger;
  /** It is read again no sooner than this. */
  recheckMs: number;
}

/**
 * Something that is read from files and follows them: it is replaced without a restart.
 *
 * Files are read again rather than watched: they may be replaced by renaming, by swapping links, or with their whole
 * folder. What cannot be used, as one half written cannot, leaves the last good one in use and warns once.
 */
export class Followed<Value> {
  readonly #options: FollowedOptions<Value>;
  #value: Value;
  #checkedAtMs: number;
  /** Of what was warned last. */
  #fault = '';

  /** @throws what `read` throws, when it cannot be used at the start */
  constructor(options: FollowedOptions<Value>) {
    this.#options = options;
    this.#value = options.read();
    this.#checkedAtMs = options.clock.nowMs();
  }

  /** The same object while it is the same. */
  current(): Value {
    const { clock, logger, recheckMs, read, isSame, what, path } = this.#options;
    const nowMs = clock.nowMs();
    if (nowMs - this.#checkedAtMs < recheckMs) return this.#value;
    this.#checkedAtMs = nowMs;
    try {
      const found = read();
      if (!isSame(found, this.#value)) {
        this.#value = found;
        logger.info({ path }, `new ${what} are in use`);
      }
      this.#fault = '';
    } catch (error) {
      const fault = error instanceof Error ? error.message : String(error);
      if (fault !== this.#fault) logger.warn({ err: error, path }, `keeping the last good ${what}`);
      this.#fault = fault;
    }
    return this.#value;
  }
}

/**
 * Small texts under keys, each for a time: what has to outlive a request. Where it is shared, all replicas see the same and
 * a successor finds what its predecessor wrote.
 *
 * A text is well-formed Unicode and short: a few kilobytes. Each method throws StoreDown when the store does not answer; a
 * write may then have been made all the same. Calls of one process are carried out in the order in which they are made,
 * or the first of them alone.
 */
export interface Store {
  /** Whether it survives this process, and other replicas see it. */
  readonly isShared: boolean;
  /**
   * Since when this process has been in touch with it without a break, in milliseconds of the clock; infinite while it is
   * not. What others wrote before may be lost: a store that was started anew may be empty. Minus infinity where nothing
   * can be lost while this process lives.
   */
  readonly unbrokenSinceMs: number;
  /** Sets it where there is none. @returns what is there afterwards */
  putIfAbsent(key: string, text: string, keptMs: number): Promise<string>;
  /** Sets it where `expected` is what is there. @returns whether it was */
  replace(key: string, expected: string, text: string, keptMs: number): Promise<boolean>;
  get(key: string): Promise<string | undefined>;
}

/** What is asked of a store. */
export type StoreOperation = 'putIfAbsent' | 'replace' | 'get';

/** Told of what happens, for metrics. */
export interface StoreObserver {
  /** A call was answered (`ok`), or was not (`down`). */
  called(operation: StoreOperation, outcome: 'ok' | 'down', durationMs: number): void;
}

/** The store did not answer. The same call may succeed later. */
export class StoreDown extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreDown';
  }
}

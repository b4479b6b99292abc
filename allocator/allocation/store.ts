/**
 * Small texts under keys, each for a time: what has to outlive a request. Where it is shared, all replicas see the same and
 * a successor finds what its predecessor wrote.
 *
 * Each method throws StoreDown when the store does not answer; a write may then have been made all the same.
 */
export interface Store {
  /** Whether it survives this process, and other replicas see it. */
  readonly isShared: boolean;
  /** Sets it where there is none. @returns what is there afterwards */
  putIfAbsent(key: string, text: string, keptMs: number): Promise<string>;
  /** Sets it where `expected` is what is there. @returns whether it was */
  replace(key: string, expected: string, text: string, keptMs: number): Promise<boolean>;
  get(key: string): Promise<string | undefined>;
}

/** The store did not answer. The same call may succeed later. */
export class StoreDown extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreDown';
  }
}

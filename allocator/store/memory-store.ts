import type { Store } from '../allocation/store.ts';
import type { Clock } from '../../lib/clock.ts';

export interface MemoryStoreOptions {
  clock: Clock;
  /** The oldest give way to new ones beyond this. */
  maxEntries: number;
}

/** A store in this process alone, for one replica: what it holds is gone with it. */
export class MemoryStore implements Store {
  readonly isShared = false;
  readonly unbrokenSinceMs = Number.NEGATIVE_INFINITY;
  readonly #options: MemoryStoreOptions;
  /** Oldest first. */
  readonly #entries = new Map<string, { text: string; untilMs: number }>();

  constructor(options: MemoryStoreOptions) {
    this.#options = options;
  }

  putIfAbsent(key: string, text: string, keptMs: number): Promise<string> {
    const there = this.#live(key);
    if (there === undefined) this.#set(key, text, keptMs);
    return Promise.resolve(there ?? text);
  }

  replace(key: string, expected: string, text: string, keptMs: number): Promise<boolean> {
    if (this.#live(key) !== expected) return Promise.resolve(false);
    this.#set(key, text, keptMs);
    return Promise.resolve(true);
  }

  get(key: string): Promise<string | undefined> {
    return Promise.resolve(this.#live(key));
  }

  #live(key: string): string | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.untilMs > this.#options.clock.nowMs()) return entry?.text;
    this.#entries.delete(key);
    return undefined;
  }

  #set(key: string, text: string, keptMs: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { text, untilMs: this.#options.clock.nowMs() + keptMs });
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#options.maxEntries) break;
      this.#entries.delete(oldest);
    }
  }
}

import { ManualClock } from '../../lib/clock.ts';
import type { Clock } from '../../lib/clock.ts';
import { pause } from '../../lib/pause.ts';
import { StoreDown } from '../allocation/store.ts';
import type { Store } from '../allocation/store.ts';
import { MemoryStore } from '../store/memory-store.ts';

/** Time passes in steps of this. */
export const STEP_MS = 20;

/** Lets everything happen that needs no time. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** The store all replicas use, and the true time. */
export class World {
  readonly time = new ManualClock(0);
  store = new MemoryStore({ clock: this.time, maxEntries: 10 });
  /** Grows each time all connections break. */
  breaks = 0;
  isDown = false;

  async pass(ms: number, look: () => void = () => {}): Promise<void> {
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      this.time.advance(STEP_MS);
      await settle();
      look();
    }
  }

  /** As when the store's process is started anew. */
  empty(): void {
    this.store = new MemoryStore({ clock: this.time, maxEntries: 10 });
    this.breaks += 1;
  }
}

/** What one machine calls time: it shows something else than the others', and runs at its own rate. */
export class MachineClock implements Clock {
  isStalled = false;
  readonly #time: ManualClock;
  readonly #offsetMs: number;
  readonly #rate: number;
  #due: (() => void)[] = [];

  constructor(time: ManualClock, offsetMs: number, rate: number) {
    this.#time = time;
    this.#offsetMs = offsetMs;
    this.#rate = rate;
  }

  nowMs(): number {
    return this.#offsetMs + this.#time.nowMs() * this.#rate;
  }

  after(delayMs: number, callback: () => void): () => void {
    return this.#time.after(delayMs / this.#rate, () => {
      if (this.isStalled) this.#due.push(callback);
      else callback();
    });
  }

  /** As a process that was held still goes on: everything that fell due at once. */
  goOn(): void {
    this.isStalled = false;
    const due = this.#due;
    this.#due = [];
    for (const callback of due) callback();
  }
}

/** A replica's way to the store: calls take time, each way, and may be lost. */
export class Connection implements Store {
  readonly isShared = true;
  unbrokenSinceMs: number;
  /** It alone does not reach the store. */
  isCut = false;
  /** How long the next calls take on their way there and back, and whether they get no answer. */
  readonly faults: { thereMs: number; backMs: number; isLost: boolean }[] = [];
  readonly #world: World;
  readonly #clock: Clock;
  #breaks: number;

  constructor(world: World, clock: Clock) {
    this.#world = world;
    this.#clock = clock;
    this.#breaks = world.breaks;
    this.unbrokenSinceMs = clock.nowMs();
  }

  get(key: string): Promise<string | undefined> {
    return this.#call((store) => store.get(key));
  }

  putIfAbsent(key: string, text: string, keptMs: number): Promise<string> {
    return this.#call((store) => store.putIfAbsent(key, text, keptMs));
  }

  replace(key: string, expected: string, text: string, keptMs: number): Promise<boolean> {
    return this.#call((store) => store.replace(key, expected, text, keptMs));
  }

  async #call<T>(send: (store: MemoryStore) => Promise<T>): Promise<T> {
    const world = this.#world;
    if (world.isDown || this.isCut) throw new StoreDown('down');
    if (this.#breaks !== world.breaks) {
      this.#breaks = world.breaks;
      this.unbrokenSinceMs = this.#clock.nowMs();
      throw new StoreDown('the connection broke');
    }
    const { thereMs, backMs, isLost } = this.faults.shift() ?? { thereMs: 0, backMs: 0, isLost: false };
    await pause(world.time, thereMs);
    if (world.isDown || this.#breaks !== world.breaks) throw new StoreDown('the connection broke');
    const answer = await send(world.store);
    await pause(world.time, backMs);
    if (isLost || this.isCut || this.#breaks !== world.breaks) throw new StoreDown('no answer');
    return answer;
  }
}

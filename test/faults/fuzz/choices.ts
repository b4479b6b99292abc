import { seededRandom } from '../../../lib/seeded-random.ts';

/** Choices that are the same for the same seed. */
export class Choices {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** A whole number from 0 on, below `end`. */
  below(end: number): number {
    return Math.floor(this.#random() * end);
  }

  happens(probability: number): boolean {
    return this.#random() < probability;
  }

  /** @throws Error when there is nothing to choose from */
  of<T>(list: readonly T[]): T {
    if (list.length === 0) throw new Error('there is nothing to choose from');
    // Within the list, which is not empty.
    return list[this.below(list.length)] as T;
  }
}

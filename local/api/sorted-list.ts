/**
 * Items that stay in order while some come and others go: finding a place costs a few comparisons, and making room is
 * one move of memory, for ten thousand items a few microseconds.
 */
export class SortedList<T> {
  readonly #compare: (left: T, right: T) => number;
  readonly #items: T[];

  /** @param compare - tells any two different items apart */
  constructor(items: Iterable<T>, compare: (left: T, right: T) => number) {
    this.#compare = compare;
    this.#items = [...items].sort(compare);
  }

  /** In order. Not to be kept, as it changes with the list. */
  get items(): readonly T[] {
    return this.#items;
  }

  add(item: T): void {
    this.#items.splice(this.#indexOf(item), 0, item);
  }

  /** Takes out the item that the order does not tell apart from this one, if there is one. */
  remove(item: T): void {
    const index = this.#indexOf(item);
    const found = this.#items[index];
    if (found !== undefined && this.#compare(found, item) === 0) this.#items.splice(index, 1);
  }

  /** Of the first item that is not before this one. */
  #indexOf(item: T): number {
    let low = 0;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      // Within bounds, whatever the items are.
      if (this.#compare(this.#items[middle] as T, item) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

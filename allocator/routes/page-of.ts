/**
 * The items of one page, in order of their keys, and the key after which the next page begins.
 *
 * @param after - a key, which need not be there any more
 */
export function pageOf<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
  { limit, after = '' }: { limit: number; after?: string | undefined },
): { items: Item[]; next?: string } {
  const inOrder = items.filter((item) => keyOf(item) > after).toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const page = inOrder.slice(0, limit);
  const last = page.at(-1);
  return { items: page, ...(inOrder.length > page.length && last !== undefined ? { next: keyOf(last) } : {}) };
}

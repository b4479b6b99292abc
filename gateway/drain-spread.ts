/**
 * When one of `count` clients is told to go, so that they do not come back at once: evenly over the window, the first at
 * once.
 */
export function leavesAfterMs(index: number, count: number, spreadMs: number): number {
  return (spreadMs * index) / count;
}

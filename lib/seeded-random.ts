/**
 * Numbers in [0, 1) that are the same for the same seed: for tests and drills, not for secrets.
 *
 * @param seed - a whole number; only its lowest 32 bits count
 */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

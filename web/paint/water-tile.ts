/** Numbers from 0 up to 1 that are the same on each visit (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/**
 * Smooth noise that repeats without a seam.
 *
 * @param size its width and height
 * @param cells how many hills fit across, at the coarsest; a divisor of `size`
 * @returns `size` × `size` heights from 0 to 1, row by row
 */
export function seamlessNoise(size: number, cells: number, octaves: number, seed: number): Float32Array {
  const heights = new Float32Array(size * size);
  let weightOfAll = 0;
  for (let octave = 0; octave < octaves; octave++) {
    const weight = 0.5 ** octave;
    addLayer(heights, size, cells * 2 ** octave, weight, seededRandom(seed + octave));
    weightOfAll += weight;
  }
  return heights.map((height) => height / weightOfAll);
}

function addLayer(heights: Float32Array, size: number, cells: number, weight: number, random: () => number): void {
  const corners = Float32Array.from({ length: cells * cells }, random);
  const corner = (column: number, row: number): number => corners[(row % cells) * cells + (column % cells)] ?? 0;
  for (let y = 0; y < size; y++) {
    const row = Math.floor((y * cells) / size);
    const down = smooth((y * cells) / size - row);
    for (let x = 0; x < size; x++) {
      const column = Math.floor((x * cells) / size);
      const across = smooth((x * cells) / size - column);
      const top = corner(column, row) * (1 - across) + corner(column + 1, row) * across;
      const bottom = corner(column, row + 1) * (1 - across) + corner(column + 1, row + 1) * across;
      const index = y * size + x;
      heights[index] = (heights[index] ?? 0) + weight * (top * (1 - down) + bottom * down);
    }
  }
}

function smooth(share: number): number {
  return share * share * (3 - 2 * share);
}

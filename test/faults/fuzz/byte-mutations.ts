import type { Choices } from './choices.ts';

const PIECES: readonly (string | number[])[] = [
  '{',
  '}',
  '[',
  ']',
  '"',
  ',',
  ':',
  '\\u0000',
  '\\ud800',
  '1e999',
  '-1e999',
  '123456789012345678901234567890',
  'NaN',
  '/* */',
  '// x\n',
  '\n---\n',
  '&a ',
  '*a ',
  '!!binary ',
  '\t',
  [0],
  [0xff, 0xfe],
  [0xc0, 0x80],
  [0xed, 0xa0, 0x80],
  [0xef, 0xbb, 0xbf],
];

/** The bytes with one to four of them changed, taken out or put in. */
export function mutateBytes(choices: Choices, bytes: Uint8Array): Buffer {
  let mutated = Buffer.from(bytes);
  for (let count = 1 + choices.below(4); count > 0; count -= 1) mutated = mutateOnce(choices, mutated);
  return mutated;
}

function mutateOnce(choices: Choices, bytes: Buffer): Buffer<ArrayBuffer> {
  const at = choices.below(bytes.length + 1);
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (choices.below(7)) {
    case 0:
      return Buffer.from(before);
    case 1:
      return Buffer.concat([before, after.subarray(1 + choices.below(4))]);
    case 2:
      return Buffer.concat([before, Buffer.from([choices.below(256)]), after.subarray(1)]);
    case 3:
      return Buffer.concat([before, before.subarray(-choices.below(40)), after]);
    case 4:
      return doubleKey(choices, bytes);
    case 5:
      // Deeper than a stack that walks it without a bound.
      return Buffer.from(choices.of(['[', '{"a":', '- - ', '- ']).repeat(30_000));
    default: {
      const piece = choices.of(PIECES);
      return Buffer.concat([before, typeof piece === 'string' ? Buffer.from(piece) : Buffer.from(piece), after]);
    }
  }
}

/** JSON whose outermost object has one of its keys twice, with another value. */
function doubleKey(choices: Choices, bytes: Buffer): Buffer<ArrayBuffer> {
  const key = choices.of(['metadata', 'spec', 'kind', 'apiVersion', 'data', 'status']);
  const value = choices.of(['{}', 'null', '"x"', '[]', '1']);
  return Buffer.concat([Buffer.from(`{"${key}":${value},`), bytes.subarray(1)]);
}

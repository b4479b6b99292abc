import fc from 'fast-check';
import { FrameBoundaryTracker } from './frame-boundary.ts';

const SEED = 20_261_124;

interface Frame {
  opcode: number;
  final: boolean;
  masked: boolean;
  payloadBytes: number;
}

const frameArbitrary: fc.Arbitrary<Frame> = fc.record({
  opcode: fc.constantFrom(0x0, 0x1, 0x2, 0x9, 0xa),
  final: fc.boolean(),
  masked: fc.boolean(),
  payloadBytes: fc.oneof(fc.integer({ min: 0, max: 200 }), fc.constantFrom(0, 125, 126, 127, 65_535, 65_536, 70_000)),
});

function encode({ opcode, final, masked, payloadBytes }: Frame): Buffer {
  const first = (final ? 0x80 : 0) | opcode;
  const maskBit = masked ? 0x80 : 0;
  let header: Buffer;
  if (payloadBytes < 126) header = Buffer.from([first, maskBit | payloadBytes]);
  else if (payloadBytes < 65_536) {
    header = Buffer.from([first, maskBit | 126, payloadBytes >> 8, payloadBytes & 0xff]);
  } else {
    header = Buffer.alloc(10);
    header[0] = first;
    header[1] = maskBit | 127;
    header.writeBigUInt64BE(BigInt(payloadBytes), 2);
  }
  // 0x88 looks like a Close frame to whoever loses the boundary.
  return Buffer.concat([header, Buffer.alloc((masked ? 4 : 0) + payloadBytes, 0x88)]);
}

function endsOf(frames: Buffer[]): Set<number> {
  let end = 0;
  return new Set([0, ...frames.map((frame) => (end += frame.length))]);
}

describe('FrameBoundaryTracker', () => {
  it('stands at a boundary exactly after each whole frame, at every split point', () => {
    fc.assert(
      fc.property(fc.array(frameArbitrary, { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 12 }), (shapes, cuts) => {
        const frames = shapes.map(encode);
        const stream = Buffer.concat(frames);
        const ends = endsOf(frames);
        const tracker = new FrameBoundaryTracker();
        let offset = 0;
        for (const at of [...cuts.map((cut) => cut % (stream.length + 1)), stream.length].toSorted((a, b) => a - b)) {
          tracker.advance(stream.subarray(offset, at));
          offset = at;
          if (tracker.isAtBoundary !== ends.has(offset)) return false;
        }
        return !tracker.closeHasPassed;
      }),
      { seed: SEED, numRuns: 300 },
    );
  });

  it('follows a stream that comes byte by byte', () => {
    const frames = [0, 1, 125, 126, 300].flatMap((payloadBytes) =>
      [true, false].map((masked) => encode({ opcode: 2, final: true, masked, payloadBytes })),
    );
    const ends = endsOf(frames);
    const tracker = new FrameBoundaryTracker();
    const seen = new Set([0]);
    for (const [index, byte] of Buffer.concat(frames).entries()) {
      tracker.advance(Uint8Array.of(byte));
      if (tracker.isAtBoundary) seen.add(index + 1);
    }
    expect(seen).toEqual(ends);
  });

  it('takes bytes up to the next boundary and not one more', () => {
    fc.assert(
      fc.property(fc.array(frameArbitrary, { minLength: 1, maxLength: 4 }), fc.nat(), (shapes, cut) => {
        const frames = shapes.map(encode);
        const stream = Buffer.concat(frames);
        const at = cut % (stream.length + 1);
        const tracker = new FrameBoundaryTracker();
        tracker.advance(stream.subarray(0, at));
        const next = Math.min(...[...endsOf(frames)].filter((end) => end >= at));
        return tracker.advanceToBoundary(stream.subarray(at)) === next - at && tracker.isAtBoundary;
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  it('notices a Close frame from its header', () => {
    const tracker = new FrameBoundaryTracker();
    tracker.advance(encode({ opcode: 1, final: true, masked: false, payloadBytes: 20 }));
    expect(tracker.closeHasPassed).toBe(false);
    tracker.advance(encode({ opcode: 8, final: true, masked: true, payloadBytes: 12 }).subarray(0, 2));
    expect(tracker.closeHasPassed).toBe(true);
    expect(tracker.isAtBoundary).toBe(false);
  });
});

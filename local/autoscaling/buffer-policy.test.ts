import fc from 'fast-check';
import { applyBuffer } from './buffer-policy.ts';

describe('the Buffer policy', () => {
  const status = (allocatedReplicas: number) => ({
    replicas: allocatedReplicas,
    readyReplicas: 0,
    reservedReplicas: 4,
    allocatedReplicas,
  });

  it.each([
    { allocated: 0, bufferSize: 2, min: 0, max: 10, replicas: 2, limited: false },
    { allocated: 3, bufferSize: 2, min: 0, max: 10, replicas: 5, limited: false },
    { allocated: 0, bufferSize: 2, min: 5, max: 10, replicas: 5, limited: true },
    { allocated: 9, bufferSize: 2, min: 0, max: 10, replicas: 10, limited: true },
    { allocated: 8, bufferSize: '20%', min: 1, max: 20, replicas: 10, limited: false },
    { allocated: 8, bufferSize: '30%', min: 1, max: 20, replicas: 12, limited: false },
    { allocated: 0, bufferSize: '30%', min: 1, max: 20, replicas: 1, limited: true },
  ])(
    'asks for $replicas with $allocated Allocated and a buffer of $bufferSize in [$min, $max]',
    ({ allocated, bufferSize, min, max, replicas, limited }) => {
      const policy = { bufferSize, minReplicas: min, maxReplicas: max };
      expect(applyBuffer(policy, status(allocated))).toEqual({ replicas, limited });
    },
  );

  it('never leaves its bounds, and within them keeps the buffer and not one more', () => {
    const sizes = fc.record({
      allocated: fc.nat(200),
      buffer: fc.integer({ min: 1, max: 60 }),
      max: fc.integer({ min: 60, max: 150 }),
    });
    fc.assert(
      fc.property(sizes, fc.nat(60), ({ allocated, buffer, max }, min) => {
        const bounds = { minReplicas: min, maxReplicas: max };
        const { replicas, limited } = applyBuffer({ bufferSize: buffer, ...bounds }, status(allocated));
        expect(replicas).toBeGreaterThanOrEqual(min);
        expect(replicas).toBeLessThanOrEqual(max);
        if (!limited) expect(replicas - allocated).toBe(buffer);
        const percent = applyBuffer({ bufferSize: `${buffer}%`, ...bounds }, status(allocated));
        if (percent.limited) return;
        const share = (size: number) => (size - allocated) / size;
        expect(share(percent.replicas)).toBeGreaterThanOrEqual(buffer / 100 - 1e-9);
        expect(percent.replicas === 0 || share(percent.replicas - 1) < buffer / 100).toBe(true);
      }),
      { seed: 20_261_124 },
    );
  });
});

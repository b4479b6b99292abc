import fc from 'fast-check';
import { p50AndP99, percentile } from './percentiles.ts';

describe('percentile', () => {
  it('is the nearest rank', () => {
    const values = Array.from({ length: 200 }, (_, index) => index + 1);
    expect(percentile(values, 50)).toBe(100);
    expect(percentile(values, 99)).toBe(198);
    expect(percentile([7], 99)).toBe(7);
  });

  it('leaves at least that share of the values at or below it, and is one of them', () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1 }), fc.integer({ min: 1, max: 100 }), (values, percent) => {
        const found = percentile(values, percent);
        expect(values).toContain(found);
        const share = values.filter((value) => value <= found).length / values.length;
        expect(share).toBeGreaterThanOrEqual(percent / 100);
      }),
    );
  });

  it('rounds to hundredths of a millisecond', () => {
    expect(p50AndP99([1.234_56])).toEqual({ p50Ms: 1.23, p99Ms: 1.23 });
  });
});

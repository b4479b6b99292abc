import fc from 'fast-check';
import { loadConfig } from './config.ts';
import { leavesAfterMs } from './drain-spread.ts';

/** The longest first wait of our own client after 1012: `client/connection.ts`. */
const FIRST_RETRY_MS = 250;

describe('clients that are told to go', () => {
  const { DRAIN_SPREAD_MS: spreadMs } = loadConfig({ SEALING_KEYS_FILE: 'x', ALLOCATOR_URL: 'http://allocator' });

  it('come back no more than a fifth of them in any second, with the spread as it is by default', () => {
    const worker = fc.record({
      players: fc.integer({ min: 100, max: 3000 }),
      jitter: fc.infiniteStream(fc.integer({ min: 0, max: FIRST_RETRY_MS })),
    });
    fc.assert(
      fc.property(fc.array(worker, { minLength: 1, maxLength: 4 }), (workers) => {
        const returnsAtMs = workers
          .flatMap(({ players, jitter }) =>
            Array.from({ length: players }, (_, index) => {
              const waitMs = jitter.next().value ?? 0;
              return leavesAfterMs(index, players, spreadMs) + waitMs;
            }),
          )
          .toSorted((a, b) => a - b);
        let oldest = 0;
        let most = 0;
        returnsAtMs.forEach((atMs, newest) => {
          while ((returnsAtMs[oldest] ?? 0) <= atMs - 1000) oldest += 1;
          most = Math.max(most, newest - oldest + 1);
        });
        expect(most).toBeLessThanOrEqual(returnsAtMs.length / 5);
      }),
      { seed: 5, numRuns: 40 },
    );
  });
});

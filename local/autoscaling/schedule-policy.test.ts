import { isScheduleActive } from './schedule-policy.ts';

const at = (time: string) => Date.parse(time);
const policy = { type: 'Buffer' };

describe('a Schedule', () => {
  it.each([
    { now: '2026-05-01T09:59:59Z', active: false },
    { now: '2026-05-01T10:00:00Z', active: true },
    { now: '2026-05-01T12:00:00Z', active: true },
    { now: '2026-05-01T12:00:01Z', active: false },
  ])('between 10 and 12 at $now applies: $active', ({ now, active }) => {
    const between = { start: '2026-05-01T10:00:00Z', end: '2026-05-01T12:00:00Z' };
    expect(isScheduleActive({ between, policy }, at(now))).toBe(active);
  });

  it('without an end applies for ever', () => {
    expect(isScheduleActive({ between: { start: '2026-05-01T10:00:00Z' }, policy }, at('2999-01-01T00:00:00Z'))).toBe(
      true,
    );
  });

  const evenings = { startCron: '0 18 * * fri', duration: '3h' };

  it.each([
    // Fridays in Berlin: 18:00 is 16:00 UTC in summer and 17:00 in winter.
    { now: '2026-07-03T15:58:00Z', active: false },
    { now: '2026-07-03T15:58:31Z', active: true },
    { now: '2026-07-03T18:59:59Z', active: true },
    { now: '2026-07-03T19:00:00Z', active: false },
    { now: '2026-07-04T17:00:00Z', active: false },
    { now: '2026-12-04T16:30:00Z', active: false },
    { now: '2026-12-04T19:30:00Z', active: true },
  ])('on Friday evenings in Berlin, from 90 seconds before, at $now applies: $active', ({ now, active }) => {
    const activePeriod = { ...evenings, timezone: 'Europe/Berlin' };
    expect(isScheduleActive({ activePeriod, policy }, at(now))).toBe(active);
  });

  it.each([
    { why: 'clocks skip its hour', now: '2026-03-29T01:30:00Z', startCron: '30 2 * * *', active: false },
    { why: 'clocks repeat its hour', now: '2026-10-25T01:40:00Z', startCron: '30 2 * * *', active: true },
    { why: 'the first of the two', now: '2026-10-25T00:40:00Z', startCron: '30 2 * * *', active: true },
  ])('on a day on which $why applies: $active', ({ now, startCron, active }) => {
    const activePeriod = { startCron, duration: '30m', timezone: 'Europe/Berlin' };
    expect(isScheduleActive({ activePeriod, policy }, at(now))).toBe(active);
  });

  it.each([
    { startCron: '@daily', duration: '', active: true },
    { startCron: '0 0 31 2 *', duration: '', active: false },
    { startCron: '0 0 31 2 *', duration: '24h', active: false },
    { startCron: '@every 10m', duration: '5m', active: false },
    { startCron: '@every 1m', duration: '5m', active: true },
    { startCron: '*/10 * * * *', duration: '4m', active: true },
    { startCron: '*/10 * * * *', duration: '3m', active: false },
  ])('of $startCron for "$duration" at 12:03:30 applies: $active', ({ startCron, duration, active }) => {
    expect(isScheduleActive({ activePeriod: { startCron, duration }, policy }, at('2026-05-01T12:03:30Z'))).toBe(
      active,
    );
  });
});

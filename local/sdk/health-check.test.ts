import { ManualClock } from '../../lib/clock.ts';
import { HealthCheck } from './health-check.ts';

const HEALTH = { initialDelaySeconds: 10, periodSeconds: 5, failureThreshold: 3 };

function start(health: ConstructorParameters<typeof HealthCheck>[0] = HEALTH) {
  const clock = new ManualClock();
  const unhealthyAtMs: number[] = [];
  const deadAtMs: number[] = [];
  const check = new HealthCheck(health, clock, {
    onUnhealthy: () => unhealthyAtMs.push(clock.nowMs()),
    onDead: () => deadAtMs.push(clock.nowMs()),
  });
  return { clock, check, unhealthyAtMs, deadAtMs };
}

test('a game that never pings is unhealthy at the third failed look, the first being after the initial delay', () => {
  const { clock, unhealthyAtMs } = start();
  clock.advance(60_000);
  expect(unhealthyAtMs).toEqual([20_000]);
});

test('a ping in each period keeps a game healthy', () => {
  const { clock, check, unhealthyAtMs } = start();
  for (let ping = 0; ping < 40; ping += 1) {
    clock.advance(4900);
    check.ping();
  }
  expect(unhealthyAtMs).toEqual([]);
});

test('a ping forgives the failures before it', () => {
  const { clock, check, unhealthyAtMs } = start();
  clock.advance(16_000);
  check.ping();
  clock.advance(15_000);
  expect(unhealthyAtMs).toEqual([]);
  clock.advance(10_000);
  expect(unhealthyAtMs).toEqual([35_000]);
});

test('a game that stays silent for as long again is dead, one that pings in time is not', () => {
  const silent = start();
  silent.clock.advance(600_000);
  expect(silent.unhealthyAtMs).toEqual([20_000]);
  expect(silent.deadAtMs).toEqual([35_000]);

  const late = start();
  late.clock.advance(31_000);
  late.check.ping();
  late.clock.advance(15_000);
  expect(late.deadAtMs).toEqual([]);
  late.clock.advance(20_000);
  expect(late.unhealthyAtMs).toEqual([20_000, 50_000]);
  expect(late.deadAtMs).toEqual([65_000]);
});

test('nothing is asked of a game whose health is disabled, nor after the end', () => {
  const disabled = start({ ...HEALTH, disabled: true });
  disabled.clock.advance(600_000);
  expect(disabled.unhealthyAtMs).toEqual([]);

  const stopped = start();
  stopped.clock.advance(12_000);
  stopped.check.stop();
  stopped.clock.advance(600_000);
  expect(stopped.unhealthyAtMs).toEqual([]);
});

test('a game whose SDK server is gone is dead after as many looks as fail otherwise, and never Unhealthy', () => {
  const { clock, check, unhealthyAtMs, deadAtMs } = start();
  clock.advance(12_000);
  check.ping();
  check.lose();
  clock.advance(60_000);
  expect(unhealthyAtMs).toEqual([]);
  expect(deadAtMs).toEqual([25_000]);
});

test('a game that was Unhealthy already when its SDK server went is not given the time anew', () => {
  const { clock, check, deadAtMs } = start();
  clock.advance(26_000);
  check.lose();
  clock.advance(60_000);
  expect(deadAtMs).toEqual([35_000]);
});

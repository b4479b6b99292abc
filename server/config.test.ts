import { ConfigError } from '../lib/config.ts';
import { loadConfig } from './config.ts';

test('an empty environment is enough', () => {
  const config = loadConfig({});
  expect(config.kit).toMatchObject({ port: undefined, endPolicy: 'Shutdown', isDirectAdmission: false });
  expect(config.sdk.grpcPort).toBe(9357);
  expect(config.race.laps).toBe(2);
});

test('variables are read with their units, empty ones count as absent', () => {
  const config = loadConfig({ PORT: '7001', DIRECT_ADMISSION: 'true', BOAT_RACE_LAPS: '1', SEAT_GRACE_MS: '' });
  expect(config.kit).toMatchObject({ port: 7001, isDirectAdmission: true, seatGraceMs: 30_000 });
  expect(config.race.laps).toBe(1);
});

test('a grace that a stop has no time for is refused', () => {
  expect(() => loadConfig({ STOP_GRACE_MS: '30000', STOP_DEADLINE_MS: '25000' })).toThrow(ConfigError);
  expect(loadConfig({ STOP_GRACE_MS: '30000', STOP_DEADLINE_MS: '40000' }).kit.stopGraceMs).toBe(30_000);
});

test('a replay takes half of the queue, and a larger one is refused', () => {
  expect(loadConfig({ MAX_QUEUED_BYTES: '10000' }).kit.maxReplayBytes).toBe(5000);
  expect(loadConfig({ MAX_QUEUED_BYTES: '10000', MAX_REPLAY_BYTES: '4000' }).kit.maxReplayBytes).toBe(4000);
  expect(() => loadConfig({ MAX_QUEUED_BYTES: '10000', MAX_REPLAY_BYTES: '5001' })).toThrow(/MAX_REPLAY_BYTES/);
});

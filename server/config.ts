import { z } from 'zod';
import { parseEnvironment, wholeNumber } from '../lib/config.ts';
import type { Environment } from '../lib/config.ts';
import { MAX_COMPUTERS } from './games/boat-race/race.ts';
import type { RaceSettings } from './games/boat-race/race.ts';
import { KIT_VARIABLES, kitSettingsOf, withKitRules } from './kit/kit-settings.ts';
import type { KitSettings } from './kit/kit-settings.ts';

const MINUTE_MS = 60_000;

const variables = z.object({
  ...KIT_VARIABLES,
  BOAT_RACE_LAPS: wholeNumber(2, { min: 1, max: 20 }),
  BOAT_RACE_WAIT_MS: wholeNumber(6000, { min: 0, max: 10 * MINUTE_MS }),
  BOAT_RACE_COUNTDOWN_MS: wholeNumber(3000, { min: 0, max: MINUTE_MS }),
  BOAT_RACE_FINISH_TIMEOUT_MS: wholeNumber(30_000, { min: 0, max: 10 * MINUTE_MS }),
  BOAT_RACE_RESULT_MS: wholeNumber(10_000, { min: 0, max: 10 * MINUTE_MS }),
  BOAT_RACE_MAX_LAP_MS: wholeNumber(3 * MINUTE_MS, { min: 1000, max: 60 * MINUTE_MS }),
  BOAT_RACE_COMPUTERS: wholeNumber(2, { min: 1, max: MAX_COMPUTERS }),
});

const schema = withKitRules(variables);

/** What the game server was told by its environment, sorted by who needs it. */
export interface ServerConfig extends KitSettings {
  race: RaceSettings;
}

/**
 * @returns the frozen configuration
 * @throws ConfigError naming every fault
 */
export function loadConfig(environment: Environment): Readonly<ServerConfig> {
  const env = parseEnvironment(schema, environment);
  return Object.freeze({
    ...kitSettingsOf(env),
    race: {
      laps: env.BOAT_RACE_LAPS,
      waitMs: env.BOAT_RACE_WAIT_MS,
      countdownMs: env.BOAT_RACE_COUNTDOWN_MS,
      finishTimeoutMs: env.BOAT_RACE_FINISH_TIMEOUT_MS,
      resultMs: env.BOAT_RACE_RESULT_MS,
      maxLapMs: env.BOAT_RACE_MAX_LAP_MS,
      computers: env.BOAT_RACE_COMPUTERS,
    },
  });
}

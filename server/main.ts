import { enableCompileCache, flushCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';

// Most of the start is compiling imports: whatever is imported below comes from the cache on the next start. A static
// import would be compiled before this line runs.
enableCompileCache();
// A process for each race: V8's nursery stays as small as it begins, which saves 8 to 20 MB of each.
setFlagsFromString('--semi-space-growth-factor=1');

const { ConfigError } = await import('../lib/config.ts');
const { loadConfig } = await import('./config.ts');
const { systemClock: clock } = await import('../lib/clock.ts');
const { SeatVerifier } = await import('../lib/join-token.ts');
const { openKeyFile } = await import('../lib/key-set.ts');
const { Lifecycle } = await import('../lib/lifecycle.ts');
const { createLogger } = await import('../lib/logger.ts');
const { runUntilSignal } = await import('../lib/run-until-signal.ts');
const { createBoatRace } = await import('./games/boat-race/boat-race.ts');
const { AgonesSdk } = await import('./kit/agones-sdk.ts');
const { runGameServer } = await import('./kit/run-game-server.ts');

function readConfig(): ReturnType<typeof loadConfig> {
  try {
    return loadConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(2);
  }
}

const config = readConfig();
const logger = createLogger('game-server', config.logLevel);
const lifecycle = new Lifecycle({ logger, stopDeadlineMs: config.stopDeadlineMs });
const startAbort = new AbortController();
lifecycle.onStop('start', () => {
  startAbort.abort();
});
runUntilSignal(lifecycle, logger);

try {
  const { file, recheckMs } = config.joinKeys;
  const seatCheck =
    file === undefined ? undefined : new SeatVerifier(openKeyFile(file, 'verify', { clock, logger, recheckMs }));
  const { certificateFiles } = config;
  const certificates =
    certificateFiles === undefined
      ? undefined
      : // Loaded where it is needed only: loading is most of a start.
        (await import('../lib/certificate-files.ts')).followCertificatePair(certificateFiles, {
          clock,
          logger,
          recheckMs,
        });
  const sdk = await AgonesSdk.connect({ ...config.sdk, clock, logger, signal: startAbort.signal });
  lifecycle.onStop('SDK', () => {
    sdk.close();
  });
  const gameServer = await runGameServer({
    game: createBoatRace(config.race),
    sdk,
    seatCheck,
    ...(certificates === undefined ? {} : { certificates }),
    config: config.kit,
    logger,
    clock,
  });
  lifecycle.onStop('game server', () => gameServer.stop());
  lifecycle.markReady();
  // Node writes the cache when a process exits by itself: the next GameServer of the Fleet may start before that.
  flushCompileCache();
  await gameServer.finished;
  const isClean = await lifecycle.stop();
  process.exit(isClean ? 0 : 1);
} catch (error) {
  // A stop during the start ends it in a fault of its own making; its exit follows.
  if (!startAbort.signal.aborted) {
    logger.error({ err: error }, 'could not start');
    await lifecycle.stop();
    process.exit(1);
  }
}

import { loadConfig } from '../../../server/config.ts';
import { SeatVerifier } from '../../../lib/join-token.ts';
import { systemClock as clock } from '../../../lib/clock.ts';
import { parseKeySet } from '../../../lib/key-set.ts';
import { silentLogger as logger } from '../../../lib/logger.ts';
import type { SessionDescriptor } from '../../../lib/session.ts';
import { AgonesSdk } from '../../../server/kit/agones-sdk.ts';
import { runGameServer } from '../../../server/kit/run-game-server.ts';
import { TestSidecar } from '../../../server/kit/test-sidecar.ts';
import { CountingGame } from './counting-game.ts';

/** What the process is told by its environment, as JSON in COUNTING_GAME. */
export interface CountingGameOptions {
  /** A JWK set of public keys. */
  verifyingKeys: string;
  session: SessionDescriptor;
  ticksPerSecond: number;
}

/** What it says when it is ready. */
export interface CountingGameReady {
  port: number;
  gameServerUid: string;
}

/** A game server of the counting game in a process of its own, with a sidecar of its own, allocated from the start. */
const { verifyingKeys, session, ticksPerSecond } = JSON.parse(
  process.env['COUNTING_GAME'] ?? '',
) as CountingGameOptions;
const sidecar = new TestSidecar();
await sidecar.start();
const { sdk: sdkConfig, kit } = loadConfig({ PORT: '0', HOST: '127.0.0.1', MAX_CONNECTIONS: '2000' });
const sdk = await AgonesSdk.connect({ ...sdkConfig, grpcPort: sidecar.port, clock, logger });
const game = new CountingGame(ticksPerSecond);
const seatCheck = new SeatVerifier(parseKeySet(verifyingKeys, 'verify', 'keys'));
const gameServer = await runGameServer({ game, sdk, seatCheck, config: kit, logger, clock });
sidecar.allocate(session);

process.on('message', (question) => {
  game.isStill = question === 'be still';
  process.send?.([...game.counts]);
});
process.on('SIGTERM', () => process.exit(0));
const ready: CountingGameReady = { port: gameServer.port, gameServerUid: sidecar.uid };
process.send?.(ready);

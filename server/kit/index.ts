/**
 * What the package gives. Inside the repository its files are imported one by one.
 */
export { AgonesSdk } from './agones-sdk.ts';
export type { Game, GameSession, Player, SessionContext } from './game.ts';
export type { GameServerSdk, GameServerView } from './game-server-sdk.ts';
export type { EndPolicy, KitConfig } from './kit-config.ts';
export { KIT_VARIABLES, kitSettingsOf, loadKitSettings, withKitRules } from './kit-settings.ts';
export type { KitSettings } from './kit-settings.ts';
export { runGameServer } from './run-game-server.ts';
export type { RunGameServerOptions, RunningGameServer } from './run-game-server.ts';
export { systemClock } from '../../lib/clock.ts';
export type { Clock } from '../../lib/clock.ts';
export { followCertificatePair } from '../../lib/certificate-files.ts';
export { ConfigError } from '../../lib/config.ts';
export { SeatVerifier } from '../../lib/join-token.ts';
export { openKeyFile } from '../../lib/key-set.ts';
export { Lifecycle } from '../../lib/lifecycle.ts';
export { createLogger } from '../../lib/logger.ts';
export type { Logger } from '../../lib/logger.ts';
export { runUntilSignal } from '../../lib/run-until-signal.ts';
export type { SessionDescriptor } from '../../lib/session.ts';

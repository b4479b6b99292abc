/**
 * What the package gives. Inside the repository its files are imported one by one.
 */
export { connect } from './connection.ts';
export type { Connection, ConnectionEnd, ConnectOptions } from './connection.ts';
export { delay, fullJitterMs } from './backoff.ts';
export type { BackoffLimits } from './backoff.ts';
export { keepAsking } from './keep-asking.ts';
export type { KeepAskingOptions } from './keep-asking.ts';
export { joinSession, newGame, resumeSession } from './player-api.ts';
export type { NewGameRequest, PlayerRequest, ResumeRequest, Seat, SeatRequest } from './player-api.ts';
export { RegattaError } from './problem.ts';
export type { ClientErrorCode } from './problem.ts';
export { listRegions, measureRegions } from './regions.ts';
export type { MeasureOptions, Region } from './regions.ts';
export { CLOSE_CODES, closeNameOf } from '../lib/close-codes.ts';
export type { CloseName } from '../lib/close-codes.ts';

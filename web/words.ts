import type { CloseName } from '../lib/close-codes.ts';
import type { ConnectionEnd } from '../client/connection.ts';
import type { ClientErrorCode } from '../client/problem.ts';

/** What the button under the words does. */
export type NextStep =
  /** Asks for a race of one's own. */
  | 'new-game'
  /** Does again what failed, with the same seat or request. */
  | 'try-again'
  /** Back to the first page. */
  | 'home';

/** What a player reads when something went wrong, and the one step that helps. */
export interface Words {
  title: string;
  text: string;
  step: NextStep;
  button: string;
}

const newGame = (title: string, text: string, button = 'New Game'): Words => ({
  title,
  text,
  step: 'new-game',
  button,
});
const tryAgain = (title: string, text: string, button = 'Try again'): Words => ({
  title,
  text,
  step: 'try-again',
  button,
});

/** For each way in which a connection is closed on purpose. */
export const CLOSE_WORDS: Record<CloseName, Words> = {
  session_ended: newGame('The race is over', 'This session has ended. The next one is a click away.', 'Play again'),
  seat_taken_over: tryAgain(
    'Sailing in another tab',
    'You opened this race somewhere else, and your boat moved there. Only one tab can hold the helm.',
    'Take the helm back',
  ),
  seat_expired: newGame('Your seat has run out', 'The time to take part in this race is over.'),
  session_full: newGame('This race is full', 'Every boat has a skipper already. Start a race of your own.'),
  idle: tryAgain(
    'Are you still aboard?',
    'Nothing was heard from you for a while, so the line was let go.',
    'Come back',
  ),
  bad_message: newGame(
    'The server did not understand this page',
    'The page may be older than the game. Reload it if this happens again.',
  ),
  too_slow: tryAgain('Your connection is too slow', 'The race ran ahead of your network.', 'Come back'),
  game_server_lost: newGame('Your server went down', 'One click gets a new race.'),
  game_server_shutdown: newGame(
    'Your server was shut down',
    'It had to go before the race was over. One click gets a new race.',
  ),
  too_large: newGame('The server did not understand this page', 'This page sent more than the game takes.'),
  gateway_restart: tryAgain('Back in a moment', 'The door to your server is restarting. Your boat keeps its place.'),
  try_later: tryAgain('Busy waters', 'There is too much traffic just now. Your boat keeps its place for a while.'),
};

/** For each refusal of a request, and of the WebSocket's upgrade. */
export const PROBLEM_WORDS: Record<ClientErrorCode, Words> = {
  invalid_request: newGame(
    'That request was not understood',
    'The page may be older than the server. Reload it if this happens again.',
  ),
  invalid_json: newGame(
    'That request was not understood',
    'The page may be older than the server. Reload it if this happens again.',
  ),
  token_missing: newGame('Your boarding pass is missing', 'This link leads to no seat. Start a race of your own.'),
  token_invalid: newGame('Your boarding pass is not valid', 'This link leads to no seat. Start a race of your own.'),
  token_expired: newGame('Your boarding pass has expired', 'The time to take this seat is over. Start a new race.'),
  credential_invalid: newGame('That is not open to players', 'Something asked for more than a player may.'),
  token_not_for_game_server: newGame(
    'That server sails another race now',
    'Your race has ended and its server moved on.',
  ),
  token_not_for_session: newGame('That server sails another race now', 'Your race has ended and its server moved on.'),
  service_api_off: newGame('That is not open to players', 'Something asked for more than a player may.'),
  not_found: newGame('Nothing here but water', 'This address leads nowhere.'),
  unknown_game: newGame('No fleet sails this game', 'The server knows no game of that name.'),
  session_not_found: newGame(
    'That race is gone',
    'The invitation leads to a race that has ended or never was.',
    'Start a new race',
  ),
  method_not_allowed: newGame('That request was not understood', 'The page may be older than the server.'),
  request_timeout: tryAgain('That took too long', 'Your network is slow just now.'),
  session_full: newGame(
    'This race is full',
    'Every boat has a skipper already. Start a race of your own.',
    'Start a new race',
  ),
  session_not_confirmed: tryAgain(
    'No boat was ready in time',
    'The one we found did not answer. Try again in a moment.',
  ),
  request_under_way: tryAgain('Still on it', 'Your boat is being made ready.'),
  session_over: newGame(
    'The race is over',
    'The invitation came too late. Start a race of your own.',
    'Start a new race',
  ),
  body_too_large: newGame('That request was too large', 'A shorter name may help.'),
  unsupported_media_type: newGame('That request was not understood', 'The page may be older than the server.'),
  idempotency_key_reused: newGame('That request was not understood', 'The page mixed up two clicks. One more will do.'),
  upgrade_required: newGame(
    'No way through to the server',
    'Something on the way does not let a live connection through.',
  ),
  too_many_connections: tryAgain(
    'A crowded quay',
    'Too many are connected from your network already. Close a tab, or try again in a moment.',
  ),
  too_many_requests: tryAgain('Not so fast', 'Too much came from your network just now. Try again in a moment.'),
  headers_too_large: newGame('That request was too large', 'Your browser sends too many cookies to this address.'),
  internal: tryAgain('Something broke on our side', 'It is not your fault.'),
  game_server_unreachable: newGame('Your server does not answer', 'It may have gone down. One click gets a new race.'),
  route_not_allowed: newGame(
    'No way through to your server',
    'It lies where this harbour does not lead. One click gets a new race.',
  ),
  allocator_unreachable: tryAgain('The harbour office does not answer', 'It should be back in a moment.'),
  no_capacity: tryAgain(
    'Every boat is out',
    'No server became free in time. They come back all the time.',
    'Keep waiting',
  ),
  contention: tryAgain('Others were quicker', 'Each free server was taken just before you.'),
  kubernetes_unavailable: tryAgain('The harbour is closed for a moment', 'New races cannot be started just now.'),
  store_unavailable: tryAgain('Busy waters', 'The harbour master cannot look you up just now.'),
  second_allocator: tryAgain('Busy waters', 'Another harbour master has the watch just now.'),
  overloaded: tryAgain('A long line at the harbour', 'Too many are waiting already. Try again in a moment.'),
  draining: tryAgain('Back in a moment', 'The harbour office is being restarted.'),
  allocation_unknown: tryAgain('Did you get a server?', 'The answer was lost on the way. Asking again finds out.'),
  game_server_timeout: newGame('Your server does not answer', 'It took too long. One click gets a new race.'),
  network: tryAgain('You are offline', 'No connection to the harbour. Check your network.'),
  unexpected_answer: tryAgain('A strange answer', 'Something on the way answered in place of the server.'),
};

/** When attempt after attempt to come back has failed. */
export const UNREACHABLE_WORDS: Words = tryAgain(
  'Lost at sea',
  'The connection to your server broke and did not come back.',
  'Try to come back',
);

/** While a new session is sought in place of one that was lost. */
export const RETURNING_WORDS: Words = tryAgain(
  'Your server went down',
  'A new one is on its way, for everybody in your race, before all others.',
);

/** When it turns out that there is nothing to come back to. */
export const OVER_MEANWHILE_WORDS: Words = newGame(
  'The race is over',
  'It ended while you were away. The next one is a click away.',
  'Play again',
);

/** For a close code no table knows. */
export const UNKNOWN_CLOSE_WORDS: Words = newGame(
  'The connection was closed',
  'The server gave no reason. One click gets a new race.',
);

/** For a page whose game the server no longer plays. */
export const OTHER_PROTOCOL_WORDS: Words = newGame(
  'This page is out of date',
  'The server plays a newer version of the game. Reload the page.',
);

/** Refusals of a connection that a fresh seat, or a new session in place of a lost one, may get round. */
const RESUMABLE_REFUSALS: ReadonlySet<ClientErrorCode> = new Set([
  'token_expired',
  'token_not_for_game_server',
  'game_server_unreachable',
  'game_server_timeout',
  'draining',
  'network',
]);

/** Whether the allocator may know a way back after this end. */
export function mayResumeAfter(end: ConnectionEnd): boolean {
  if (end.kind === 'closed') return end.closeName === 'game_server_lost' || end.closeName === 'game_server_shutdown';
  if (end.kind === 'aborted') return false;
  // A game server that is not there is no refusal: the door itself is in order.
  return end.refusal === undefined || RESUMABLE_REFUSALS.has(end.refusal.code);
}

/** The words for the end of a connection; undefined when the player ended it. */
export function wordsOfEnd(end: ConnectionEnd): Words | undefined {
  switch (end.kind) {
    case 'closed':
      return end.closeName === undefined ? UNKNOWN_CLOSE_WORDS : CLOSE_WORDS[end.closeName];
    case 'refused':
      return PROBLEM_WORDS[end.refusal.code];
    case 'unreachable':
      if (end.refusal !== undefined) return PROBLEM_WORDS[end.refusal.code];
      return end.closeName === undefined ? UNREACHABLE_WORDS : CLOSE_WORDS[end.closeName];
    case 'aborted':
      return undefined;
  }
}

import { CLOSE_CODES } from '../lib/close-codes.ts';
import { ERRORS } from '../lib/errors.ts';
import {
  CLOSE_WORDS,
  OTHER_PROTOCOL_WORDS,
  OVER_MEANWHILE_WORDS,
  PROBLEM_WORDS,
  RETURNING_WORDS,
  UNKNOWN_CLOSE_WORDS,
  UNREACHABLE_WORDS,
  wordsOfEnd,
} from './words.ts';

const everyWords = [
  ...Object.values(CLOSE_WORDS),
  ...Object.values(PROBLEM_WORDS),
  OTHER_PROTOCOL_WORDS,
  OVER_MEANWHILE_WORDS,
  RETURNING_WORDS,
  UNKNOWN_CLOSE_WORDS,
  UNREACHABLE_WORDS,
];

describe('the words for what went wrong', () => {
  it('are there for each close code and each problem, and for no others', () => {
    expect(Object.keys(CLOSE_WORDS).toSorted()).toEqual(Object.keys(CLOSE_CODES).toSorted());
    expect(Object.keys(PROBLEM_WORDS).toSorted()).toEqual(
      [...Object.keys(ERRORS), 'network', 'unexpected_answer'].toSorted(),
    );
  });

  it('say what happened and what to do next, shortly', () => {
    for (const { title, text, button } of everyWords) {
      expect(title).toMatch(/^[A-Z].{3,45}$/);
      expect(text).toMatch(/^[A-Z].{10,120}[.?]$/);
      expect(button).toMatch(/^[A-Z].{3,20}$/);
    }
  });

  it('never send a player back to a session that does not take them', () => {
    const stayAway = [
      'session_ended',
      'seat_expired',
      'session_full',
      'game_server_lost',
      'game_server_shutdown',
    ] as const;
    for (const closeName of stayAway) expect(CLOSE_WORDS[closeName].step).toBe('new-game');
  });

  it('are found for each way in which a connection ends', () => {
    expect(wordsOfEnd({ kind: 'closed', code: 4007, closeName: 'game_server_lost' })).toBe(
      CLOSE_WORDS.game_server_lost,
    );
    expect(wordsOfEnd({ kind: 'closed', code: 3999, closeName: undefined })).toBe(UNKNOWN_CLOSE_WORDS);
    expect(wordsOfEnd({ kind: 'unreachable', refusal: undefined, closeName: 'gateway_restart' })).toBe(
      CLOSE_WORDS.gateway_restart,
    );
    expect(wordsOfEnd({ kind: 'unreachable', refusal: undefined, closeName: undefined })).toBe(UNREACHABLE_WORDS);
    expect(wordsOfEnd({ kind: 'aborted' })).toBeUndefined();
  });
});

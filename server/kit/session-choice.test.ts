import type { SessionDescriptor } from '../../lib/session.ts';
import { formatSessionDescriptor, SESSION_KEY } from '../../lib/session.ts';
import type { GameServerView } from './game-server-sdk.ts';
import { chooseSession, EndedSessions, sessionOf } from './session-choice.ts';

function session(number: number): SessionDescriptor {
  return {
    version: 1,
    sessionId: `session0000000000${number}`,
    game: 'echo',
    mode: 'exclusive',
    seats: 2,
    madeAt: new Date(number * 60_000).toISOString(),
    joinBy: new Date(number * 60_000 + 30_000).toISOString(),
  };
}

function view(state: string, held?: SessionDescriptor): GameServerView {
  return {
    name: 'boats-1',
    namespace: 'default',
    uid: 'uid',
    resourceVersion: '1',
    state,
    isDeleting: false,
    lists: new Map(),
    annotations: new Map(held === undefined ? [] : [[SESSION_KEY, formatSessionDescriptor(held)]]),
    ports: [],
    health: { isDisabled: false, periodMs: 5000, failureThreshold: 3 },
  };
}

function ended(...sessions: SessionDescriptor[]): EndedSessions {
  const all = new EndedSessions();
  for (const one of sessions) all.add(one);
  return all;
}

const none = ended();

test('a descriptor counts only while the GameServer is Allocated', () => {
  expect(sessionOf(view('Allocated', session(1)))).toEqual(session(1));
  expect(sessionOf(view('Ready', session(1)))).toBeUndefined();
  expect(sessionOf(view('Allocated'))).toBeUndefined();
});

test.each([
  ['is running', session(2), { current: session(2), ended: none, view: view('Allocated', session(2)) }, 'join'],
  ['is running ahead of the watch', session(2), { current: session(2), ended: none, view: view('Ready') }, 'join'],
  [
    'is on the GameServer',
    session(2),
    { current: undefined, ended: none, view: view('Allocated', session(2)) },
    'open',
  ],
  ['is not shown yet', session(2), { current: undefined, ended: none, view: view('Ready') }, 'wait'],
  ['is for a claim', session(2), { current: undefined, ended: none, view: view('Allocated') }, 'open'],
  [
    'is for a claim on a GameServer that is used again',
    session(3),
    { current: undefined, ended: ended(session(2)), view: view('Allocated', session(2)) },
    'open',
  ],
  [
    'is not the one on the GameServer',
    session(3),
    { current: undefined, ended: none, view: view('Allocated', session(2)) },
    'wait',
  ],
  ['is newer than the running one', session(3), { current: session(2), ended: none, view: view('Allocated') }, 'wait'],
  ['is older than the running one', session(1), { current: session(2), ended: none, view: view('Allocated') }, 'over'],
  [
    'has ended',
    session(2),
    { current: undefined, ended: ended(session(2)), view: view('Allocated', session(2)) },
    'over',
  ],
  [
    'is older than one that ended',
    session(1),
    { current: undefined, ended: ended(session(2)), view: view('Allocated') },
    'over',
  ],
])('a seat for a session that %s', (_, wanted, known, choice) => {
  expect(chooseSession(wanted, known)).toBe(choice);
});

test('an ended session is remembered however many follow', () => {
  const all = ended();
  for (let number = 1; number <= 500; number += 1) all.add(session(number));
  for (let number = 1; number <= 500; number += 1) expect(all.isPast(session(number))).toBe(true);
  expect(all.isPast(session(501))).toBe(false);
});

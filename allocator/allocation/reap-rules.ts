import type { SessionDescriptor } from '../../lib/session.ts';
import { oldestFirst } from './doubles.ts';
import type { Ownership } from './ownership.ts';
import type { GameServerView } from './ports.ts';

/** Why a GameServer is of no use to anybody any more. The first that fits is told. */
export const FINDINGS = [
  'pod-gone',
  'double',
  'session-ended',
  'session-too-long',
  'no-show',
  'drain-overdue',
  'claim-expired',
] as const;

export type Finding = (typeof FINDINGS)[number];

/** What is done about a finding. `end-session`: one of several sessions is taken off a shared GameServer. */
export type Remedy = 'shut-down' | 'give-back' | 'end-session';

/** A GameServer, or a session on a shared one, that nobody needs. */
export interface Leak {
  gameServer: GameServerView;
  finding: Finding;
  remedy: Remedy;
  /** The session it is about; undefined for a claim. */
  sessionId: string | undefined;
  /** The same for as long as it is the same leak. */
  id: string;
}

export interface ReapRules {
  nowMs: number;
  ownership: Ownership;
  /** No session can be this old. */
  maxSessionMs: number;
  /** A game server ends a session without players at its time to join; only this much later is it done for it. */
  noShowMarginMs: number;
  /** Draining may take this long; 0: for ever. */
  maxDrainMs: number;
  isPodGone: (gameServer: GameServerView) => boolean;
  isOutdated: (gameServer: GameServerView) => boolean;
  /** Somebody is getting a GameServer for it just now. */
  isPursuing: (sessionId: string) => boolean;
  /** Name of the GameServer that was answered for it, where that is known. */
  answeredWith: (sessionId: string) => string | undefined;
}

/** Everything that leaks, of what is ours: at most one finding for a GameServer, and one for each session of a shared one. */
export function findLeaks(gameServers: Iterable<GameServerView>, rules: ReapRules): Leak[] {
  const held = [...gameServers].filter(({ state, isGoing }) => state === 'Allocated' && !isGoing);
  const exclusive = held.filter(({ shared }) => shared === undefined);
  const doubles = exclusiveDoubles(exclusive, rules);
  const leaks = exclusive.flatMap((gameServer) => leakOf(gameServer, doubles, rules) ?? []);
  return [...leaks, ...sharedDoubles(held, rules)];
}

function leakOf(gameServer: GameServerView, doubles: ReadonlySet<GameServerView>, rules: ReapRules): Leak | undefined {
  const session = rules.ownership.session(gameServer);
  if (session !== undefined) {
    if (rules.isPursuing(session.sessionId)) return undefined;
    const finding = findingOfSession(gameServer, session, doubles.has(gameServer), rules);
    return finding === undefined ? undefined : leak(gameServer, finding, 'shut-down', session.sessionId);
  }
  const claim = rules.ownership.claim(gameServer);
  if (claim === undefined) return undefined;
  if (rules.isPodGone(gameServer)) return leak(gameServer, 'pod-gone', 'shut-down', undefined);
  if (claim.untilMs > rules.nowMs) return undefined;
  const isOfNoUse = rules.isOutdated(gameServer) || gameServer.drainingSince !== undefined;
  return leak(gameServer, 'claim-expired', isOfNoUse ? 'shut-down' : 'give-back', undefined);
}

function findingOfSession(
  gameServer: GameServerView,
  session: SessionDescriptor,
  isDouble: boolean,
  rules: ReapRules,
): Finding | undefined {
  const { nowMs, maxSessionMs, maxDrainMs, noShowMarginMs } = rules;
  const { report, reportsPlayers, drainingSince } = gameServer;
  const step = report?.sessionId === session.sessionId ? report.step : undefined;
  if (rules.isPodGone(gameServer)) return 'pod-gone';
  if (isDouble) return 'double';
  if (step === 'ended') return 'session-ended';
  if (nowMs - Date.parse(session.madeAt) > maxSessionMs) return 'session-too-long';
  const isMissed = nowMs - Date.parse(session.joinBy) > noShowMarginMs;
  if (reportsPlayers && step !== 'joined' && isMissed) return 'no-show';
  const isOverdue = maxDrainMs > 0 && nowMs - Date.parse(drainingSince ?? '') > maxDrainMs;
  return isOverdue ? 'drain-overdue' : undefined;
}

/** All but the one to keep: that which was answered, else that which players came to, else the oldest. */
function exclusiveDoubles(gameServers: readonly GameServerView[], rules: ReapRules): Set<GameServerView> {
  const bySession = Map.groupBy(gameServers, (gameServer) => rules.ownership.session(gameServer)?.sessionId);
  const doubles = new Set<GameServerView>();
  for (const [sessionId, holding] of bySession) {
    if (sessionId === undefined || holding.length < 2) continue;
    const inOrder = oldestFirst(holding);
    const answered = rules.answeredWith(sessionId);
    const kept =
      inOrder.find(({ name }) => name === answered) ??
      inOrder.find(({ report }) => report?.sessionId === sessionId && report.step === 'joined') ??
      inOrder[0];
    for (const each of holding) if (each !== kept) doubles.add(each);
  }
  return doubles;
}

/** A shared GameServer is allocated again and again: only where the answer is known can the double be told from it. */
function sharedDoubles(held: readonly GameServerView[], rules: ReapRules): Leak[] {
  const places = held.flatMap((gameServer) =>
    (gameServer.shared?.sessionIds ?? []).map((sessionId) => ({ gameServer, sessionId })),
  );
  return [...Map.groupBy(places, ({ sessionId }) => sessionId)].flatMap(([sessionId, holding]) => {
    const answered = rules.answeredWith(sessionId);
    const isKnown = holding.some(({ gameServer }) => gameServer.name === answered);
    if (holding.length < 2 || !isKnown || rules.isPursuing(sessionId)) return [];
    return holding.flatMap(({ gameServer }) =>
      gameServer.name === answered ? [] : leak(gameServer, 'double', 'end-session', sessionId),
    );
  });
}

function leak(gameServer: GameServerView, finding: Finding, remedy: Remedy, sessionId: string | undefined): Leak {
  const what = sessionId ?? gameServer.claim?.untilMs ?? '';
  return { gameServer, finding, remedy, sessionId, id: `${gameServer.uid}/${finding}/${what}` };
}

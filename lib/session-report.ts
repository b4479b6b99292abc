import { AGONES } from './agones.ts';
import { isSessionId } from './session.ts';

/** Of the annotation by which a game server tells how far its session is, as its SDK is given it. */
export const SESSION_REPORT_NAME = 'regatta-session';
/** The same as it is on the GameServer. */
export const SESSION_REPORT_ANNOTATION = `${AGONES.sdkPrefix}${SESSION_REPORT_NAME}`;

const STEPS = ['opened', 'joined', 'ended', 'stopped'] as const;

/** `joined`: the first player was there. `stopped`: it was cut short, with players in it, for its GameServer has to go. */
export type SessionStep = (typeof STEPS)[number];

/** How far a game server says its session is. */
export interface SessionReport {
  sessionId: string;
  step: SessionStep;
}

/** The report as the annotation holds it. */
export function formatSessionReport({ sessionId, step }: SessionReport): string {
  return `${sessionId} ${step}`;
}

/** @returns undefined when there is none, or it makes no sense */
export function parseSessionReport(text: string | undefined): SessionReport | undefined {
  const [sessionId = '', word, ...more] = (text ?? '').split(' ');
  const step = STEPS.find((each) => each === word);
  return step === undefined || more.length > 0 || !isSessionId(sessionId) ? undefined : { sessionId, step };
}

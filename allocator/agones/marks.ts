import { CLAIM_LABEL, CLAIM_UNTIL_ANNOTATION, formatSessionDescriptor, SESSION_KEY } from '../../lib/session.ts';
import type { SessionDescriptor } from '../../lib/session.ts';
import type { ClaimTerms } from '../allocation/claims.ts';
import { pointerKey } from './json-pointer.ts';

/** What an allocation writes on a GameServer, so that it is known whose it is. */
export interface Marks {
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

export function sessionMarks(session: SessionDescriptor): Marks {
  return {
    labels: { [SESSION_KEY]: session.sessionId },
    annotations: { [SESSION_KEY]: formatSessionDescriptor(session) },
  };
}

/** A session that was there before has ended, whatever is still written. */
export function claimMarks({ holder, untilMs }: ClaimTerms): Marks {
  return {
    labels: { [CLAIM_LABEL]: holder, [SESSION_KEY]: '' },
    annotations: { [CLAIM_UNTIL_ANNOTATION]: new Date(untilMs).toISOString(), [SESSION_KEY]: '' },
  };
}

/** The operations of a JSON patch that write them. */
export function markOperations({ labels, annotations }: Marks): object[] {
  return [
    ...Object.entries(labels).map(([key, value]) => ({ op: 'add', path: labelPath(key), value })),
    ...Object.entries(annotations).map(([key, value]) => ({ op: 'add', path: annotationPath(key), value })),
  ];
}

export function labelPath(key: string): string {
  return `/metadata/labels/${pointerKey(key)}`;
}

export function annotationPath(key: string): string {
  return `/metadata/annotations/${pointerKey(key)}`;
}

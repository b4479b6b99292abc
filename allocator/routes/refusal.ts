import { ProblemError } from '../../lib/errors.ts';
import type { Refusal, SessionResult } from '../allocation/allocations.ts';

const DETAILS: Record<Exclude<Refusal, 'caller_gone'>, string> = {
  no_capacity: 'Every GameServer of this game is taken; none became free while the request waited',
  contention: 'Others were quicker each time while the request waited',
  kubernetes_unavailable: 'GameServers cannot be allocated just now; sessions that run go on',
  session_not_confirmed: 'No GameServer said while the request waited that it had opened the session',
  allocation_unknown: 'Kubernetes did not say in time whether a GameServer was allocated; if so, it is given up unused',
  overloaded: 'As many requests wait already as this process takes',
  draining: 'This process is going away; another one will answer',
};

/** An allocation's refusal as an answer; none when nobody waits for it. */
export function refusedOutcome(
  { refusal, position, estimateMs }: Extract<SessionResult, { state: 'refused' }>,
  retryAfterSeconds: number,
): { refused?: ProblemError } {
  if (refusal === 'caller_gone') return {};
  const estimateSeconds = estimateMs === undefined ? undefined : Math.ceil(estimateMs / 1000);
  const refused = new ProblemError(refusal, DETAILS[refusal], {
    ...(refusal === 'allocation_unknown' ? {} : { retryAfterSeconds }),
    extensions: {
      ...(position > 0 ? { position } : {}),
      ...(position > 0 && estimateSeconds !== undefined ? { estimateSeconds } : {}),
    },
  });
  return { refused };
}

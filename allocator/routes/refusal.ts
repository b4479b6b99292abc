import { ProblemError } from '../../lib/errors.ts';
import type { Refusal } from '../allocation/allocations.ts';

const DETAILS: Record<Exclude<Refusal, 'caller_gone'>, string> = {
  no_capacity: 'Every GameServer of this game is taken; none became free while the request waited',
  contention: 'Others were quicker each time while the request waited',
  kubernetes_unavailable: 'GameServers cannot be allocated just now; sessions that run go on',
  allocation_unknown: 'Kubernetes did not say in time whether a GameServer was allocated; if so, it is given up unused',
  overloaded: 'As many requests wait already as this process takes',
  draining: 'This process is going away; another one will answer',
};

/** An allocation's refusal as an answer. */
export function problemOfRefusal(
  refusal: Exclude<Refusal, 'caller_gone'>,
  place: { position: number; retryAfterSeconds: number },
): ProblemError {
  return new ProblemError(refusal, DETAILS[refusal], {
    ...(refusal === 'allocation_unknown' ? {} : { retryAfterSeconds: place.retryAfterSeconds }),
    ...(place.position > 0 ? { extensions: { position: place.position } } : {}),
  });
}

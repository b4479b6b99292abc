import type { ServerResponse } from 'node:http';
import { TAKEN_OVER } from './answer.ts';
import { parseLogOptions } from './pod-log.ts';
import type { PodLogs } from './pod-log.ts';
import { badRequest, methodNotAllowed } from './refusals.ts';
import type { ResourceRequest } from './resource-request.ts';
import { StatusError } from './status-error.ts';

/** Subresources of a Pod that need a container, with what is said to whoever asks, by an HTTP upgrade or without. */
const CONTAINER_WISHES: ReadonlyMap<string, string> = new Map([
  ['exec', 'nothing can be run in the Pod (kubectl exec, kubectl cp)'],
  ['attach', 'nothing can be attached to the Pod (kubectl logs -f shows what it prints)'],
  ['portforward', 'no port of the Pod is forwarded (its ports are open on this machine already)'],
  ['proxy', 'nothing is passed on to the Pod (its ports are open on this machine already)'],
  ['ephemeralcontainers', 'no container can be added to the Pod (kubectl debug)'],
]);

/** @throws StatusError 405, in a sentence that kubectl prints as it is, when the subresource needs a container */
export function refuseContainerWish(subresource: string): void {
  const wish = CONTAINER_WISHES.get(subresource);
  if (wish === undefined) return;
  const why = 'here a Pod is a process of this machine, without a container around it';
  throw new StatusError(405, 'MethodNotAllowed', `${wish}: ${why}`);
}

/**
 * Sends the log of a Pod, which must be there.
 *
 * @throws StatusError
 */
export async function sendLog(
  logs: PodLogs | undefined,
  name: string,
  { path, query, request, response, signal }: ResourceRequest,
): Promise<typeof TAKEN_OVER> {
  if (request.method !== 'GET') throw methodNotAllowed();
  const log = logs?.openLog(path.namespace ?? '', name, parseLogOptions(name, query, signal));
  if (log === undefined) throw badRequest(`there is no log of pod "${name}" yet`);
  response.writeHead(200, { 'content-type': 'text/plain', 'cache-control': 'no-cache, private' });
  response.flushHeaders();
  for await (const piece of log) {
    if (signal.aborted) break;
    if (!response.write(piece)) await drained(response, signal);
  }
  response.end();
  return TAKEN_OVER;
}

function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    response.once('drain', done);
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) done();
  });
}

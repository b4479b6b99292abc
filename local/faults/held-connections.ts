import type { ServerResponse } from 'node:http';
import type { Clock } from '../../lib/clock.ts';
import type { ActiveFault } from './active-fault.ts';

/** Breaks the connection off: the client sees a reset, whatever it was sent before. */
export function cutConnection(response: ServerResponse): void {
  if (response.socket === null) response.destroy();
  else response.socket.resetAndDestroy();
}

/** Leaves the client without an answer until the fault ends, and breaks the connection off then. */
export async function leaveUnanswered(fault: ActiveFault, response: ServerResponse): Promise<void> {
  await untilEndOrGone(fault, response);
  cutConnection(response);
}

/** Resolves after the delay; sooner when the fault ends or the client is gone. */
export async function delayAnswer(
  fault: ActiveFault,
  response: ServerResponse,
  { clock, delayMs }: { clock: Clock; delayMs: number },
): Promise<void> {
  if (delayMs <= 0) return;
  await untilEndOrGone(fault, response, (wake) => clock.after(delayMs, wake));
}

function untilEndOrGone(
  fault: ActiveFault,
  response: ServerResponse,
  wakeLater: (wake: () => void) => () => void = () => () => {},
): Promise<void> {
  if (response.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const wake = (): void => {
      cancelTimer();
      response.off('close', wake);
      cancelEnd();
      resolve();
    };
    let cancelEnd: () => void = () => {};
    const cancelTimer = wakeLater(wake);
    response.once('close', wake);
    cancelEnd = fault.onEnd(wake);
  });
}

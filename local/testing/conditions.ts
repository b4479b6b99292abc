import { setTimeout as wait } from 'node:timers/promises';
import { identifyProcess } from '../node/process-identity.ts';

const LOOK_AGAIN_MS = 10;
const DEADLINE_MS = 20_000;

/**
 * Waits until `look` gives something, and gives that.
 *
 * @throws Error saying what did not come in twenty seconds
 */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const untilMs = Date.now() + DEADLINE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > untilMs) throw new Error(`${what}: did not come`);
    await wait(LOOK_AGAIN_MS);
  }
}

/** Which of these processes run. One that has ended and that nobody has asked after does not. */
export async function runningOf(processIds: readonly number[]): Promise<number[]> {
  const identities = await Promise.all(processIds.map(identifyProcess));
  return processIds.filter((_, index) => identities[index] !== undefined);
}

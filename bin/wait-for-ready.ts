import type { GameServer } from '../lib/agones.ts';
import { askApi } from './ask-api.ts';

const ASK_AGAIN_MS = 100;

/**
 * Waits until at least `count` GameServers are Ready.
 *
 * @returns how many are; fewer than `count` when the deadline passed first or the API went away
 */
export async function waitForReadyGameServers(apiUrl: string, count: number, deadlineMs: number): Promise<number> {
  const untilMs = Date.now() + deadlineMs;
  let ready = 0;
  while (ready < count && Date.now() < untilMs) {
    ready = await countReady(apiUrl);
    if (ready < count) await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
  }
  return ready;
}

async function countReady(apiUrl: string): Promise<number> {
  try {
    const { body } = await askApi(`${apiUrl}/apis/agones.dev/v1/gameservers`, { timeoutMs: 5_000 });
    const { items } = body as { items: GameServer[] };
    return items.filter((gameServer) => gameServer.status?.state === 'Ready').length;
  } catch {
    // Not up yet, or already gone: the deadline decides.
    return 0;
  }
}

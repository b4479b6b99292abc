import { setTimeout as pause } from 'node:timers/promises';
import { ThreeGateways } from '../test/helpers/three-gateways/three-gateways.ts';
import type { ReconnectFigures } from '../test/helpers/three-gateways/three-gateways.ts';

const GATEWAYS = 3;
const RESTART_EVERY_MS = 5000;
/** With half of the players on the gateway that goes, an eighth of all goes in a second; then it has a second to start. */
const DRAIN_SPREAD_MS = 4000;
const MESSAGES_PER_SECOND = 2;

export interface ReconnectOptions {
  players: number;
  seconds: number;
  onProgress: (line: string) => void;
}

/** Players on three gateways, of which one is restarted every five seconds: how soon all are back, and what is lost. */
export async function measureReconnect({ players, seconds, onProgress }: ReconnectOptions): Promise<ReconnectFigures> {
  onProgress(`${players} players come in`);
  const world = await ThreeGateways.start({
    players,
    messagesPerSecond: MESSAGES_PER_SECOND,
    drainSpreadMs: DRAIN_SPREAD_MS,
  });
  try {
    const restarts = Math.floor((seconds * 1000) / RESTART_EVERY_MS);
    for (let restart = 0; restart < restarts; restart += 1) {
      onProgress(`restart ${restart + 1} of ${restarts}`);
      const startedAtMs = performance.now();
      await world.restart(restart % GATEWAYS);
      const tookMs = performance.now() - startedAtMs;
      if (tookMs > RESTART_EVERY_MS) onProgress(`it took ${Math.round(tookMs)} ms: the next is late`);
      await pause(Math.max(0, RESTART_EVERY_MS - tookMs));
    }
    return await world.figures();
  } finally {
    await world.stop();
  }
}

import { AGONES } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';
import { formatSessionDescriptor, SESSION_KEY } from '../../lib/session.ts';
import { KubernetesRefusal } from '../allocation/ports.ts';
import type { AllocationOrder, AllocationOutcome, GameServerAllocations } from '../allocation/ports.ts';
import { pointerKey } from './json-pointer.ts';
import { CallError, GAME_SERVERS } from './kubernetes-connection.ts';
import type { KubernetesConnection } from './kubernetes-connection.ts';
import type { ReadyGameServer } from './ready-game-servers.ts';
import type { WatchedGameServers } from './watched-game-servers.ts';

export interface PatchAllocationsOptions {
  connection: KubernetesConnection;
  gameServers: WatchedGameServers;
  clock: Clock;
  /** 0 ≤ n < 1. */
  random: () => number;
}

/** GameServers that are tried for one allocation: each that is lost to somebody else costs a call. */
const MAX_PICKS = 5;

/**
 * Allocates by one patch of a GameServer that the watch says is Ready, as a GameServer's own SDK does.
 *
 * The patch tests that it is the same GameServer and still Ready, and sets state, session and the time of allocation in
 * one write, so that nobody else can have got it. See docs/adr/0005-allocation-by-patch.md.
 */
export class PatchAllocations implements GameServerAllocations {
  readonly #options: PatchAllocationsOptions;

  constructor(options: PatchAllocationsOptions) {
    this.#options = options;
  }

  async allocate(order: AllocationOrder): Promise<AllocationOutcome> {
    const { gameServers, random } = this.#options;
    for (let pick = 0; pick < MAX_PICKS; pick += 1) {
      const ready = gameServers.ready.take(order, pick === 0 ? undefined : random);
      if (ready === undefined) return { state: pick === 0 ? 'UnAllocated' : 'Contention' };
      const outcome = await this.#allocate(ready, order);
      if (outcome !== undefined) return outcome;
    }
    return { state: 'Contention' };
  }

  /** @returns undefined when it was not Ready any more */
  async #allocate(ready: ReadyGameServer, order: AllocationOrder): Promise<AllocationOutcome | undefined> {
    const { connection, gameServers, clock } = this.#options;
    let raw: unknown;
    try {
      raw = await connection.patch(GAME_SERVERS, ready.name, patchFor(ready, order, clock.nowMs()));
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      if (error.fault === 'lost') return { state: 'Unknown' };
      // 422: a test did not hold.
      if (error.fault === 'not_found' || error.fault === 'conflict' || error.status === 422) return undefined;
      gameServers.ready.giveBack(ready);
      if (error.fault === 'refused') throw new KubernetesRefusal(error.message, { cause: error });
      return { state: 'Unavailable' };
    }
    const gameServer = gameServers.viewOf(raw);
    // One that is being deleted was Ready to the last.
    if (gameServer.session?.sessionId !== order.session.sessionId) return undefined;
    return { state: 'Allocated', gameServerName: gameServer.name, gameServer };
  }
}

function patchFor({ uid }: ReadyGameServer, { session }: AllocationOrder, nowMs: number): object[] {
  return [
    { op: 'test', path: '/metadata/uid', value: uid },
    { op: 'test', path: '/status/state', value: 'Ready' },
    { op: 'replace', path: '/status/state', value: 'Allocated' },
    { op: 'add', path: `/metadata/labels/${pointerKey(SESSION_KEY)}`, value: session.sessionId },
    { op: 'add', path: `/metadata/annotations/${pointerKey(SESSION_KEY)}`, value: formatSessionDescriptor(session) },
    {
      op: 'add',
      path: `/metadata/annotations/${pointerKey(AGONES.lastAllocatedAnnotation)}`,
      value: new Date(nowMs).toISOString(),
    },
  ];
}

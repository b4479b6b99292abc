import { AGONES } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ClaimOrder, ClaimTerms } from '../allocation/claims.ts';
import { KubernetesRefusal } from '../allocation/ports.ts';
import type { AllocationOrder, AllocationOutcome, GameServerAllocations, GameServerView } from '../allocation/ports.ts';
import type { ClaimMaker } from './claimed-game-servers.ts';
import { guardedPatch } from './guarded-patch.ts';
import type { KubernetesCalls } from './kubernetes-connection.ts';
import { annotationPath, claimMarks, markOperations, sessionMarks } from './marks.ts';
import type { Marks } from './marks.ts';
import type { ReadyGameServer } from './ready-game-servers.ts';
import type { WatchedGameServers } from './watched-game-servers.ts';

export interface PatchAllocationsOptions {
  connection: KubernetesCalls;
  gameServers: WatchedGameServers;
  clock: Clock;
  /** 0 ≤ n < 1. */
  random: () => number;
}

type TakeOrder = Parameters<WatchedGameServers['ready']['take']>[0];

/** GameServers that are tried for one allocation: each that is lost to somebody else costs a call. */
const MAX_PICKS = 5;

/**
 * Allocates by one patch of a GameServer that the watch says is Ready, as a GameServer's own SDK does.
 *
 * The patch tests that it is the same GameServer and still Ready, and sets state, session and the time of allocation in
 * one write, so that nobody else can have got it. See docs/adr/0005-allocation-by-patch.md.
 */
export class PatchAllocations implements GameServerAllocations, ClaimMaker {
  readonly #options: PatchAllocationsOptions;

  constructor(options: PatchAllocationsOptions) {
    this.#options = options;
  }

  allocate(order: AllocationOrder): Promise<AllocationOutcome> {
    const { session } = order;
    return this.#take(order, sessionMarks(session), (view) => view.session?.sessionId === session.sessionId);
  }

  claim(order: ClaimOrder, terms: ClaimTerms): Promise<AllocationOutcome> {
    const anywhere = { fleet: undefined, preferredRegions: [], ...order };
    return this.#take(anywhere, claimMarks(terms), (view) => view.claim?.holder === terms.holder);
  }

  async #take(order: TakeOrder, marks: Marks, isOurs: (view: GameServerView) => boolean): Promise<AllocationOutcome> {
    const { gameServers, random } = this.#options;
    for (let pick = 0; pick < MAX_PICKS; pick += 1) {
      const ready = gameServers.ready.take(order, pick === 0 ? undefined : random);
      if (ready === undefined) return { state: pick === 0 ? 'UnAllocated' : 'Contention' };
      const outcome = await this.#patch(ready, marks, isOurs);
      if (outcome !== undefined) return outcome;
    }
    return { state: 'Contention' };
  }

  /** @returns undefined when it was not Ready any more */
  async #patch(
    ready: ReadyGameServer,
    marks: Marks,
    isOurs: (view: GameServerView) => boolean,
  ): Promise<AllocationOutcome | undefined> {
    const { connection, gameServers, clock } = this.#options;
    try {
      const outcome = await guardedPatch(connection, ready.name, patchFor(ready, marks, clock.nowMs()));
      if (outcome.state === 'Refuted') return undefined;
      if (outcome.state === 'Unavailable') gameServers.ready.giveBack(ready);
      if (outcome.state !== 'Done') return outcome;
      const gameServer = gameServers.viewOf(outcome.object);
      // One that is being deleted was Ready to the last.
      if (!isOurs(gameServer)) return undefined;
      return { state: 'Allocated', gameServerName: gameServer.name, gameServer };
    } catch (error) {
      if (error instanceof KubernetesRefusal) gameServers.ready.giveBack(ready);
      throw error;
    }
  }
}

function patchFor({ uid }: ReadyGameServer, marks: Marks, nowMs: number): object[] {
  return [
    { op: 'test', path: '/metadata/uid', value: uid },
    { op: 'test', path: '/status/state', value: 'Ready' },
    { op: 'replace', path: '/status/state', value: 'Allocated' },
    ...markOperations(marks),
    { op: 'add', path: annotationPath(AGONES.lastAllocatedAnnotation), value: new Date(nowMs).toISOString() },
  ];
}

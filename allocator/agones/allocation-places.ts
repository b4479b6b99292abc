import type { GameServerAllocation, GameServerSelector } from '../../lib/agones.ts';
import { AGONES } from '../../lib/agones.ts';
import { GAME_LABEL, REGION_LABEL, SESSIONS_LIST } from '../../lib/session.ts';
import type { SessionDescriptor } from '../../lib/session.ts';
import type { NextPlaces, PlacesOutcome, PlaceWrites } from '../allocation/place-batches.ts';
import type { PlacesWanted } from '../allocation/place-ledger.ts';
import { KubernetesDown } from '../allocation/ports.ts';
import { inFleets, sendAllocation } from './kubernetes-allocations.ts';
import type { KubernetesConnection } from './kubernetes-connection.ts';
import { isOn } from './shared-game-servers.ts';
import type { SharedGameServers } from './shared-game-servers.ts';

/**
 * Gives places by GameServerAllocations, which leave the choice to Agones: one at a time for each kind of sessions.
 *
 * Agones cuts a List off at its capacity and says nothing. So an allocation asks for a GameServer with places for all
 * its sessions, and the GameServer itself is asked which of them it has.
 */
export class AllocationPlaces implements PlaceWrites {
  readonly #connection: KubernetesConnection;
  readonly #gameServers: SharedGameServers;
  readonly #underWay = new Set<string>();

  constructor(connection: KubernetesConnection, gameServers: SharedGameServers) {
    this.#connection = connection;
    this.#gameServers = gameServers;
  }

  next(wanted: PlacesWanted, count: number): NextPlaces {
    const key = JSON.stringify(wanted);
    if (this.#underWay.has(key)) return { state: 'wait', forMs: undefined };
    // Agones looks for places for all at once: no more are asked for than one GameServer may have.
    const most = this.#gameServers.ledger.mostFree(wanted);
    if (most === 0) return { state: 'none' };
    return {
      state: 'go',
      count: Math.min(count, most),
      write: async (sessions) => {
        this.#underWay.add(key);
        try {
          return await this.#allocate(wanted, sessions);
        } finally {
          this.#underWay.delete(key);
        }
      },
    };
  }

  settle({ sessionId }: SessionDescriptor): Promise<PlacesOutcome | undefined> {
    const place = this.#gameServers.ledger.placeOf(sessionId);
    return Promise.resolve(
      place === undefined
        ? undefined
        : { state: 'Added', gameServer: place.gameServer, sessionIds: new Set([sessionId]) },
    );
  }

  async #allocate(wanted: PlacesWanted, sessions: readonly SessionDescriptor[]): Promise<PlacesOutcome> {
    const sessionIds = sessions.map(({ sessionId }) => sessionId);
    const outcome = await sendAllocation(this.#connection, allocationFor(wanted, sessionIds));
    switch (outcome.state) {
      case 'Allocated':
        return this.#read(outcome.gameServerName, sessionIds);
      case 'UnAllocated':
      case 'Contention':
        return { state: 'Refuted' };
      case 'Unavailable':
      case 'Unknown':
        return { state: outcome.state };
    }
  }

  async #read(name: string, sessionIds: readonly string[]): Promise<PlacesOutcome> {
    try {
      const gameServer = await this.#gameServers.read(name);
      if (gameServer === undefined) return { state: 'Refuted' };
      return { state: 'Added', gameServer, sessionIds: new Set(sessionIds.filter((id) => isOn(gameServer, id))) };
    } catch (error) {
      if (!(error instanceof KubernetesDown)) throw error;
      return { state: 'Unknown' };
    }
  }
}

function allocationFor(
  { game, fleet, preferredRegions, fleetGroups }: PlacesWanted,
  sessionIds: readonly string[],
): Omit<GameServerAllocation, 'metadata'> {
  const anywhere = { [GAME_LABEL]: game, ...(fleet === undefined ? {} : { [AGONES.fleetLabel]: fleet }) };
  const near = preferredRegions.map((region) => ({ ...anywhere, [REGION_LABEL]: region }));
  const fitting = (fleetGroups ?? [undefined]).flatMap((group) => {
    const ofGroup = group === undefined ? {} : { matchExpressions: inFleets(group) };
    return [...near, anywhere].map((matchLabels) => ({ matchLabels, ...ofGroup }));
  });
  const lists = { [SESSIONS_LIST]: { minAvailable: sessionIds.length } };
  return {
    apiVersion: 'allocation.agones.dev/v1',
    kind: 'GameServerAllocation',
    spec: {
      selectors: fitting.flatMap((labels): GameServerSelector[] => [
        { ...labels, gameServerState: 'Allocated', lists },
        { ...labels, gameServerState: 'Ready', lists },
      ]),
      priorities: [{ type: 'List', key: SESSIONS_LIST, order: 'Ascending' }],
      lists: { [SESSIONS_LIST]: { addValues: [...sessionIds] } },
    },
  };
}

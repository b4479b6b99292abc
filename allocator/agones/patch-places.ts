import type { SessionDescriptor } from '../../lib/session.ts';
import type { NextPlaces, PlacesOutcome, PlaceWrites } from '../allocation/place-batches.ts';
import type { PlacesWanted } from '../allocation/place-ledger.ts';
import { KubernetesDown } from '../allocation/ports.ts';
import type { GameServerView } from '../allocation/ports.ts';
import { isOn } from './shared-game-servers.ts';
import type { SharedGameServers } from './shared-game-servers.ts';

/** How often a write is sent whose answers are lost, before nobody can tell. */
const MAX_SENDS = 3;

/**
 * Gives places by one patch of the GameServer that the ledger chooses.
 *
 * See docs/adr/0009-shared-game-servers.md.
 */
export class PatchPlaces implements PlaceWrites {
  readonly #gameServers: SharedGameServers;

  constructor(gameServers: SharedGameServers) {
    this.#gameServers = gameServers;
  }

  next(wanted: PlacesWanted, count: number): NextPlaces {
    const { ledger } = this.#gameServers;
    const choice = ledger.choose(wanted, count);
    if (choice.state === 'go') {
      const { gameServer } = choice;
      return { state: 'go', count: choice.count, write: (sessions) => this.#add(gameServer, sessions) };
    }
    return choice.state === 'none' ? { state: 'none' } : { state: 'wait', forMs: ledger.patienceLeftMs(wanted) };
  }

  async settle({ sessionId }: SessionDescriptor): Promise<PlacesOutcome | undefined> {
    const { ledger } = this.#gameServers;
    const place = ledger.placeOf(sessionId);
    if (place !== undefined) return added(place.gameServer, [sessionId]);
    const doubt = ledger.doubtOf(sessionId);
    return doubt === undefined ? undefined : this.#resolve(doubt, [sessionId], MAX_SENDS - 1);
  }

  async #add(gameServer: GameServerView, sessions: readonly SessionDescriptor[]): Promise<PlacesOutcome> {
    const { ledger } = this.#gameServers;
    const sessionIds = sessions.map(({ sessionId }) => sessionId);
    ledger.begin(gameServer.name, sessionIds);
    try {
      return await this.#write(gameServer, sessionIds, MAX_SENDS);
    } finally {
      ledger.end(gameServer.name);
    }
  }

  async #write(gameServer: GameServerView, sessionIds: readonly string[], sends: number): Promise<PlacesOutcome> {
    const before = gameServer.shared?.sessionIds ?? [];
    const outcome = await this.#gameServers.setSessions(gameServer, [...new Set([...before, ...sessionIds])]);
    switch (outcome.state) {
      case 'Done':
        return added(outcome.view, sessionIds);
      case 'Unavailable':
        // One that was sent before may yet be carried out.
        return sends < MAX_SENDS ? this.#doubt(gameServer, sessionIds) : { state: 'Unavailable' };
      case 'Unknown':
      case 'Refuted':
        return this.#resolve(gameServer, sessionIds, sends - 1);
    }
  }

  /** Reads what there is now, and writes again where it is still the version that was written for. */
  async #resolve(gameServer: GameServerView, sessionIds: readonly string[], sends: number): Promise<PlacesOutcome> {
    let fresh: GameServerView | undefined;
    try {
      fresh = await this.#gameServers.read(gameServer.name);
    } catch (error) {
      if (!(error instanceof KubernetesDown)) throw error;
      return this.#doubt(gameServer, sessionIds);
    }
    if (fresh === undefined) return { state: 'Refuted' };
    if (sessionIds.some((sessionId) => isOn(fresh, sessionId))) return added(fresh, sessionIds);
    if (fresh.resourceVersion !== gameServer.resourceVersion) return { state: 'Refuted' };
    return sends > 0 ? this.#write(fresh, sessionIds, sends) : this.#doubt(gameServer, sessionIds);
  }

  #doubt({ name, resourceVersion }: GameServerView, sessionIds: readonly string[]): PlacesOutcome {
    this.#gameServers.ledger.doubt(name, sessionIds, resourceVersion);
    return { state: 'Unknown' };
  }
}

/** Those of the sessions that are on the GameServer: none where it is being deleted, which takes writes to the last. */
function added(gameServer: GameServerView, sessionIds: readonly string[]): PlacesOutcome {
  const there = sessionIds.filter((sessionId) => isOn(gameServer, sessionId));
  return { state: 'Added', gameServer, sessionIds: new Set(there) };
}

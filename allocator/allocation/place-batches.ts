import type { Clock } from '../../lib/clock.ts';
import type { SessionDescriptor } from '../../lib/session.ts';
import type { PlacesWanted } from './place-ledger.ts';
import type { AllocationOrder, AllocationOutcome, GameServerAllocations, GameServerView } from './ports.ts';

/**
 * What came of one write for several sessions. `Added`: these sessions are on the GameServer; the others of the write
 * are not. `Refuted`: none is, and what was behind is known better now. `Unavailable`: it was not carried out.
 * `Unknown`: nobody can tell.
 */
export type PlacesOutcome =
  | { state: 'Added'; gameServer: GameServerView; sessionIds: ReadonlySet<string> }
  | { state: 'Refuted' | 'Unavailable' | 'Unknown' };

/** `write`: takes so many of the sessions that wait, and must be called at once. `wait`: for a write that is under way. */
export type NextPlaces =
  | { state: 'go'; count: number; write: (sessions: readonly SessionDescriptor[]) => Promise<PlacesOutcome> }
  | { state: 'wait'; forMs: number | undefined }
  | { state: 'none' };

/** How sessions get onto shared GameServers. */
export interface PlaceWrites {
  /** Where so many sessions of a kind go next. */
  next(wanted: PlacesWanted, count: number): NextPlaces;
  /**
   * Finds out what became of a session that has a place already, or may have one by a write whose answer was lost.
   *
   * @returns undefined, or `Refuted`, when it has none and will have none by what was written before
   */
  settle(session: SessionDescriptor): Promise<PlacesOutcome | undefined>;
}

export interface PlaceBatchesOptions {
  writes: PlaceWrites;
  clock: Clock;
  /** Sessions of one write. */
  maxBatch: number;
}

/** A session that waits for its place. */
interface Waiting {
  session: SessionDescriptor;
  tries: number;
  answer: PromiseWithResolvers<AllocationOutcome>;
}

/** Sessions that may go to the same GameServers, in order of arrival. */
interface Batch {
  wanted: PlacesWanted;
  waiting: Waiting[];
  cancelWait: () => void;
}

/** Writes that are tried for one session: each that was refuted cost a call. */
const MAX_TRIES = 5;

/**
 * Sessions on shared GameServers: those that come while a write is under way go together with the next.
 *
 * A session that comes alone is written at once, so nobody waits for company.
 */
export class PlaceBatches implements GameServerAllocations {
  readonly #options: PlaceBatchesOptions;
  /** Only those in which somebody waits. */
  readonly #batches = new Map<string, Batch>();

  constructor(options: PlaceBatchesOptions) {
    this.#options = options;
  }

  async allocate({ session, ...wanted }: AllocationOrder): Promise<AllocationOutcome> {
    const settled = await this.#options.writes.settle(session);
    if (settled !== undefined && settled.state !== 'Refuted') return outcomeFor(session, settled);
    const key = JSON.stringify(wanted);
    const batch = this.#batches.get(key) ?? { wanted, waiting: [], cancelWait: () => {} };
    this.#batches.set(key, batch);
    const waiting: Waiting = { session, tries: 0, answer: Promise.withResolvers() };
    batch.waiting.push(waiting);
    this.#sendOff(key, batch);
    return waiting.answer.promise;
  }

  /** Sends all that can go now. */
  #sendOff(key: string, batch: Batch): void {
    const { writes, clock, maxBatch } = this.#options;
    batch.cancelWait();
    while (batch.waiting.length > 0) {
      const next = writes.next(batch.wanted, Math.min(maxBatch, batch.waiting.length));
      if (next.state === 'wait') {
        if (next.forMs !== undefined) {
          batch.cancelWait = clock.after(next.forMs, () => {
            this.#sendOff(key, batch);
          });
        }
        return;
      }
      if (next.state === 'none') {
        for (const { answer, tries } of batch.waiting.splice(0)) {
          answer.resolve({ state: tries === 0 ? 'UnAllocated' : 'Contention' });
        }
      } else {
        const going = batch.waiting.splice(0, next.count);
        void this.#write(going, next.write, key, batch);
      }
    }
    this.#batches.delete(key);
  }

  async #write(
    going: readonly Waiting[],
    write: (sessions: readonly SessionDescriptor[]) => Promise<PlacesOutcome>,
    key: string,
    batch: Batch,
  ): Promise<void> {
    try {
      const outcome = await write(going.map(({ session }) => session));
      const again: Waiting[] = [];
      for (const waiting of going) {
        const answer = outcomeFor(waiting.session, outcome);
        waiting.tries += 1;
        if (answer.state !== 'Contention' || waiting.tries >= MAX_TRIES) waiting.answer.resolve(answer);
        else again.push(waiting);
      }
      if (again.length > 0) this.#wait(again, key, batch);
    } catch (error) {
      for (const { answer } of going) answer.reject(error);
    }
    // Others may have waited for this write, of this kind or another that shares GameServers with it.
    for (const [otherKey, other] of this.#batches) this.#sendOff(otherKey, other);
  }

  /** They were here first. */
  #wait(again: readonly Waiting[], key: string, batch: Batch): void {
    const current = this.#batches.get(key) ?? batch;
    current.waiting.unshift(...again);
    this.#batches.set(key, current);
  }
}

function outcomeFor(session: SessionDescriptor, outcome: PlacesOutcome): AllocationOutcome {
  if (outcome.state === 'Refuted') return { state: 'Contention' };
  if (outcome.state !== 'Added') return { state: outcome.state };
  const { gameServer, sessionIds } = outcome;
  if (!sessionIds.has(session.sessionId)) return { state: 'Contention' };
  return { state: 'Allocated', gameServerName: gameServer.name, gameServer: { ...gameServer, session } };
}

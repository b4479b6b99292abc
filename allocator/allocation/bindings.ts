import type { SessionDescriptor } from '../../lib/session.ts';
import type { Store } from './store.ts';

export interface BindingsOptions {
  store: Store;
  /** Whose claims are bound here. A session has one in one cluster at most. */
  cluster: string;
  /** Longer than any claim waits for its GameServer to be told. */
  keptMs: number;
}

/** Which claim a session was given. */
export interface Binding {
  cluster: string;
  claimId: string;
  gameServerName: string;
  session: SessionDescriptor;
}

/**
 * `taken`: the claim is another session's, or was given up. `elsewhere`: the session has a claim already, in that cluster,
 * and this one is free of it.
 */
export type BindOutcome = { state: 'bound' } | { state: 'taken' } | { state: 'elsewhere'; cluster: string };

const GIVEN_UP = 'given up';
/** Of a session whose claim turned out to be somebody else's. */
const NOTHING = '';

/**
 * Binds claims to sessions in a shared store, where that is quicker than on the GameServer itself: one claim, one session,
 * whoever asks and whoever dies. The GameServer is told afterwards.
 *
 * Two records decide. That of the claim is written once, by whoever binds it or gives it up. That of the session says
 * where to look; it counts only when the claim's agrees. Every method throws StoreDown.
 */
export class Bindings {
  readonly #options: BindingsOptions;

  constructor(options: BindingsOptions) {
    this.#options = options;
  }

  async bind(claimed: Omit<Binding, 'cluster'>): Promise<BindOutcome> {
    const { store, cluster, keptMs } = this.#options;
    const text = JSON.stringify({ cluster, ...claimed } satisfies Binding);
    const ofSession = sessionKey(claimed.session.sessionId);
    const ofClaim = claimKey(claimed.claimId);
    // Both at once: a store carries out what one process sends it in the order in which it was sent, or its first part.
    const [session, claim] = await Promise.all([
      store.putIfAbsent(ofSession, text, keptMs),
      store.putIfAbsent(ofClaim, text, keptMs),
    ]);
    const isOurs = session === text || (session === NOTHING && (await store.replace(ofSession, NOTHING, text, keptMs)));
    if (!isOurs) {
      if (claim === text) await store.replace(ofClaim, text, GIVEN_UP, keptMs);
      return { state: 'elsewhere', cluster: session === NOTHING ? cluster : (JSON.parse(session) as Binding).cluster };
    }
    if (claim === text) return { state: 'bound' };
    await store.replace(ofSession, text, NOTHING, keptMs);
    return { state: 'taken' };
  }

  /** The claim of a session in this cluster. Whoever bound it may have died between the two records: then it is finished here. */
  async find(sessionId: string): Promise<Binding | undefined> {
    const { store, keptMs } = this.#options;
    const text = await store.get(sessionKey(sessionId));
    if (text === undefined || text === NOTHING) return undefined;
    const binding = JSON.parse(text) as Binding;
    if (binding.cluster !== this.#options.cluster) return undefined;
    const isBound = (await store.putIfAbsent(claimKey(binding.claimId), text, keptMs)) === text;
    return isBound ? binding : undefined;
  }

  /** The GameServer of this binding has gone: the session may be given another claim. */
  async forget(binding: Binding): Promise<void> {
    const { store, keptMs } = this.#options;
    await store.replace(sessionKey(binding.session.sessionId), JSON.stringify(binding), NOTHING, keptMs);
  }

  /**
   * Gives a claim up, so that nobody can bind it any more.
   *
   * @returns what it is bound to already, if it is
   */
  async giveUp(claimId: string): Promise<Binding | undefined> {
    const { store, keptMs } = this.#options;
    const text = await store.putIfAbsent(claimKey(claimId), GIVEN_UP, keptMs);
    return text === GIVEN_UP ? undefined : (JSON.parse(text) as Binding);
  }
}

function sessionKey(sessionId: string): string {
  return `session/${sessionId}`;
}

function claimKey(claimId: string): string {
  return `claim/${claimId}`;
}

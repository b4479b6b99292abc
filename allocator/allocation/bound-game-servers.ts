import { KubernetesDown } from './ports.ts';
import type { GameServerRef, GameServers, GameServerView } from './ports.ts';
import type { SessionEnding } from './session-ending.ts';
import { StoreDown } from './store.ts';
import type { WarmClaims } from './warm-claims.ts';

/** The GameServers of a cluster, and which of them hold a session by a binding that they have yet to be told of. */
export class BoundGameServers implements GameServers {
  readonly #gameServers: GameServers;
  readonly #warmClaims: Pick<WarmClaims, 'findBound' | 'told'>;

  constructor(gameServers: GameServers, warmClaims: Pick<WarmClaims, 'findBound' | 'told'>) {
    this.#gameServers = gameServers;
    this.#warmClaims = warmClaims;
  }

  holding(sessionId: string): GameServerView | undefined {
    return this.#gameServers.holding(sessionId);
  }

  all(): Iterable<GameServerView> {
    return this.#gameServers.all();
  }

  isOutdated(gameServer: GameServerView): boolean {
    return this.#gameServers.isOutdated(gameServer);
  }

  noteSession(gameServer: GameServerView): void {
    this.#gameServers.noteSession(gameServer);
  }

  endOf(sessionId: string): SessionEnding | undefined {
    return this.#gameServers.endOf(sessionId);
  }

  read(gameServer: GameServerRef, sessionId: string): Promise<GameServerView | undefined> {
    return this.#gameServers.read(gameServer, sessionId);
  }

  async findHolding(sessionId: string): Promise<readonly GameServerView[]> {
    const bound = await this.#findBound(sessionId);
    const holding = await this.#gameServers.findHolding(sessionId);
    if (bound === undefined) return holding;
    return [bound, ...holding.filter(({ name }) => name !== bound.name)];
  }

  async release(gameServer: GameServerRef, sessionId: string): Promise<boolean> {
    await this.#warmClaims.told(sessionId);
    return this.#gameServers.release(gameServer, sessionId);
  }

  onReady(listener: (game: string, sessions?: number) => void): () => void {
    return this.#gameServers.onReady(listener);
  }

  async #findBound(sessionId: string): Promise<GameServerView | undefined> {
    try {
      return await this.#warmClaims.findBound(sessionId);
    } catch (error) {
      if (!(error instanceof StoreDown)) throw error;
      throw new KubernetesDown('cannot ask the store where a session was bound', { cause: error });
    }
  }
}

import { KubernetesDown } from '../ports.ts';
import type { GameServerRef, GameServers, GameServerView } from '../ports.ts';
import type { SessionEnding } from '../session-ending.ts';
import type { Cluster } from './cluster.ts';

/** The GameServers of all clusters. */
export class GameServersAcrossClusters implements GameServers {
  readonly #clusters: readonly Cluster[];

  constructor(clusters: readonly Cluster[]) {
    this.#clusters = clusters;
  }

  holding(sessionId: string): GameServerView | undefined {
    for (const { gameServers } of this.#clusters) {
      const view = gameServers.holding(sessionId);
      if (view !== undefined) return view;
    }
    return undefined;
  }

  *all(): Iterable<GameServerView> {
    for (const { gameServers } of this.#clusters) yield* gameServers.all();
  }

  noteSession(gameServer: GameServerView): void {
    this.#named(gameServer.cluster).gameServers.noteSession(gameServer);
  }

  isOutdated(gameServer: GameServerView): boolean {
    return this.#named(gameServer.cluster).gameServers.isOutdated(gameServer);
  }

  endOf(sessionId: string): SessionEnding | undefined {
    for (const { gameServers, region } of this.#clusters) {
      const ending = gameServers.endOf(sessionId);
      if (ending !== undefined) return { ...ending, region: ending.region ?? region };
    }
    return undefined;
  }

  async read(gameServer: GameServerRef, sessionId: string): Promise<GameServerView | undefined> {
    return this.#named(gameServer.cluster).gameServers.read(gameServer, sessionId);
  }

  async findHolding(sessionId: string, cluster?: string): Promise<readonly GameServerView[]> {
    // Whoever asks for one has nowhere else to go, whether it is likely to answer or not.
    if (cluster !== undefined) return this.#named(cluster).gameServers.findHolding(sessionId);
    const answers = await Promise.allSettled(this.#clusters.map((each) => this.#ask(each, sessionId)));
    const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    if (found.length > 0) return found;
    const failed = answers.find((answer) => answer.status === 'rejected');
    if (failed === undefined) return [];
    if (answers.length === 1) throw failed.reason;
    throw new KubernetesDown('it may be in a cluster that could not be asked', { cause: failed.reason });
  }

  async release(gameServer: GameServerRef, sessionId: string): Promise<boolean> {
    return this.#named(gameServer.cluster).gameServers.release(gameServer, sessionId);
  }

  onReady(listener: (game: string, sessions?: number) => void): () => void {
    const ends = this.#clusters.map(({ gameServers }) => gameServers.onReady(listener));
    return () => {
      for (const end of ends) end();
    };
  }

  async #ask({ name, breaker, gameServers }: Cluster, sessionId: string): Promise<readonly GameServerView[]> {
    const call = breaker.beginQuestion();
    if (call === undefined && this.#clusters.length > 1) {
      throw new KubernetesDown(`cluster ${name} did not answer of late and is not asked just now`);
    }
    let result: 'answered' | 'failed' = 'failed';
    try {
      const found = await gameServers.findHolding(sessionId);
      result = 'answered';
      return found;
    } finally {
      call?.end(result);
    }
  }

  #named(name: string): Cluster {
    const cluster = this.#clusters.find((each) => each.name === name);
    // Names come from views, and those from clusters.
    if (cluster === undefined) throw new Error(`there is no cluster ${name}`);
    return cluster;
  }
}

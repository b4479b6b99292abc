import { z } from 'zod';
import { KubernetesDown } from '../allocation/ports.ts';
import type { GameServerView } from '../allocation/ports.ts';
import { asPortError, GAME_SERVERS } from './kubernetes-connection.ts';
import type { KubernetesCalls } from './kubernetes-connection.ts';

export interface SharedSearchOptions {
  connection: Pick<KubernetesCalls, 'list'>;
  labelSelector: string;
  viewOf: (object: unknown) => GameServerView;
}

const PAGE_SIZE = 500;

const page = z.object({
  metadata: z.object({ continue: z.string().optional() }),
  items: z.array(z.unknown()),
});

/**
 * Lists the GameServers of all games, for what no label selector finds.
 *
 * One list at a time: whoever asks while one is under way shares the next, so that however many ask, Kubernetes is asked
 * no faster than it answers.
 */
export class SharedSearch {
  readonly #options: SharedSearchOptions;
  #current: Promise<unknown> | undefined;
  #next: Promise<readonly GameServerView[]> | undefined;

  constructor(options: SharedSearchOptions) {
    this.#options = options;
  }

  /** Those that are shared, as they were no sooner than this was called. @throws KubernetesDown */
  all(): Promise<readonly GameServerView[]> {
    this.#next ??= this.#listAfter(this.#current);
    return this.#next;
  }

  async #listAfter(current: Promise<unknown> | undefined): Promise<readonly GameServerView[]> {
    await current?.catch(() => {});
    // Whoever asks from here on would not see what has changed meanwhile.
    const listing = this.#next;
    this.#next = undefined;
    this.#current = listing;
    return this.#list();
  }

  async #list(): Promise<readonly GameServerView[]> {
    const { connection, labelSelector, viewOf } = this.#options;
    const views: GameServerView[] = [];
    let next: string | undefined;
    do {
      let raw: unknown;
      try {
        const after = next === undefined ? {} : { continue: next };
        raw = await connection.list(GAME_SERVERS, { labelSelector, limit: PAGE_SIZE, ...after });
      } catch (error) {
        throw asPortError(error);
      }
      const parsed = page.safeParse(raw);
      if (!parsed.success) throw new KubernetesDown('a list of GameServers makes no sense', { cause: parsed.error });
      views.push(...parsed.data.items.map(viewOf).filter(({ shared }) => shared !== undefined));
      next = parsed.data.metadata.continue === '' ? undefined : parsed.data.metadata.continue;
    } while (next !== undefined);
    return views;
  }
}

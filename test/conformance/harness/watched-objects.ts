import { eventually } from '../../helpers/conditions.ts';
import type { ApiClient, RequestHeaders } from './api-client.ts';

export interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  // Objects of any kind; what is not there fails the expectation.
  // oxlint-disable-next-line typescript/no-explicit-any
  object: any;
}

const DEADLINE_MS = 60_000;

/** A watch that is being read, with every event it brought so far. */
export class WatchedObjects {
  readonly events: WatchEvent[] = [];
  readonly status: number;
  ended = false;
  readonly #cut: () => void;

  private constructor(status: number, cut: () => void) {
    this.status = status;
    this.#cut = cut;
  }

  /** @param path - of the collection, with its query; `watch=true` is added */
  static async open(client: ApiClient, path: string, headers?: RequestHeaders): Promise<WatchedObjects> {
    const { status, response, cut } = await client.open(
      'GET',
      `${path}${path.includes('?') ? '&' : '?'}watch=true`,
      undefined,
      headers,
    );
    const watched = new WatchedObjects(status, cut);
    // A cut shows as an error of the response, and is what was asked for.
    response.on('error', () => {});
    let rest = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      // Each line of a watch is one event.
      watched.events.push(...lines.map((line) => JSON.parse(line) as WatchEvent));
    });
    response.on('close', () => {
      watched.ended = true;
    });
    return watched;
  }

  /** Waits for an event that has come or will come. */
  until(what: string, wanted: (event: WatchEvent) => boolean, deadlineMs = DEADLINE_MS): Promise<WatchEvent> {
    return eventually(what, deadlineMs, () => this.events.find(wanted));
  }

  /** The states that one GameServer went through, each once, in order. */
  statesOf(name: string): string[] {
    const states = this.events
      .filter(({ object, type }) => type !== 'BOOKMARK' && object.metadata.name === name)
      .map(({ object }) => String(object.status?.state));
    return states.filter((state, at) => state !== states[at - 1]);
  }

  stop(): void {
    this.#cut();
  }
}

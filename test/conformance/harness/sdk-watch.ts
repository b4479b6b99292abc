import { eventually } from '../../helpers/conditions.ts';
import type { SdkWatch, SeenGameServer } from './sdk-calls.ts';

const DEADLINE_MS = 60_000;

/** The half of a watch that is the same whatever carries it: whoever reads the carrier fills it. */
export class SeenChanges implements SdkWatch {
  readonly seen: SeenGameServer[] = [];
  ended: { code?: number } | undefined;
  readonly #cancel: () => void;

  constructor(cancel: () => void) {
    this.#cancel = cancel;
  }

  get states(): string[] {
    return this.seen.map(({ state }) => state).filter((state, at, all) => state !== all[at - 1]);
  }

  until(what: string, wanted: (gameServer: SeenGameServer) => boolean): Promise<SeenGameServer> {
    return eventually(`the watch tells ${what}`, DEADLINE_MS, () => this.seen.find(wanted));
  }

  cancel(): void {
    this.#cancel();
  }
}

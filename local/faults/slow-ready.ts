import type { GameServer } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ObjectStore } from '../api/store.ts';
import type { Pod } from '../controllers/pods.ts';
import type { ActiveFault } from './active-fault.ts';
import type { FaultOf } from './fault-schema.ts';
import type { FaultSet } from './fault-set.ts';
import { matchesGameServer } from './game-server-target.ts';

type SlowReadyFault = ActiveFault<FaultOf<'slow-ready'>>;

/** Holds up GameServers that start while a fault lasts: before their process, and when they say Ready. */
export class SlowReady {
  readonly #faults: FaultSet;
  readonly #store: ObjectStore;
  readonly #clock: Clock;
  /** The GameServers that a fault has struck as they started, by uid. */
  readonly #struck = new WeakMap<SlowReadyFault, Set<string>>();

  constructor(options: { faults: FaultSet; store: ObjectStore; clock: Clock }) {
    this.#faults = options.faults;
    this.#store = options.store;
    this.#clock = options.clock;
    options.faults.handle('slow-ready', () => {});
  }

  /** Resolves when the Pod's first process may start, at once when it is to end; undefined when nothing holds it up. */
  holdStart({ metadata }: Pod, ending: AbortSignal): Promise<void> | undefined {
    if (this.#faults.isIdle) return undefined;
    const gameServer = this.#find(metadata.namespace, metadata.labels?.['agones.dev/gameserver']);
    if (gameServer === undefined) return undefined;
    const faults = this.#faults
      .of('slow-ready')
      .filter((fault) => matchesGameServer(fault.request.target, gameServer) && fault.strikes());
    for (const fault of faults) this.#note(fault, gameServer);
    return this.#holdAll(faults, ({ startDelayMs }) => startDelayMs, ending);
  }

  /** Resolves when the sidecar may pass on that the game is ready, or need not any more. */
  holdReady(namespace: string, name: string, calledOff: AbortSignal): Promise<void> | undefined {
    if (this.#faults.isIdle) return undefined;
    const uid = this.#find(namespace, name)?.metadata.uid ?? '';
    const faults = this.#faults.of('slow-ready').filter((fault) => this.#struck.get(fault)?.has(uid) === true);
    return this.#holdAll(faults, ({ readyDelayMs }) => readyDelayMs, calledOff);
  }

  #find(namespace: string | undefined, name: string | undefined): GameServer | undefined {
    return name === undefined ? undefined : this.#store.find<GameServer>('gameservers', namespace ?? '', name);
  }

  #note(fault: SlowReadyFault, { metadata }: GameServer): void {
    const struck = this.#struck.get(fault) ?? new Set<string>();
    this.#struck.set(fault, struck);
    struck.add(metadata.uid ?? '');
  }

  #holdAll(
    faults: readonly SlowReadyFault[],
    delayOf: (request: FaultOf<'slow-ready'>) => number,
    calledOff: AbortSignal,
  ): Promise<void> | undefined {
    const holds = faults.flatMap((fault) => {
      const delayMs = delayOf(fault.request);
      return delayMs > 0 ? [this.#hold(fault, delayMs, calledOff)] : [];
    });
    return holds.length === 0 ? undefined : Promise.all(holds).then(() => {});
  }

  /** A `local` that stops lets nothing start any more. */
  #hold(fault: SlowReadyFault, delayMs: number, calledOff: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const release = (): void => {
        cancel();
        forget();
        calledOff.removeEventListener('abort', release);
        resolve();
      };
      const cancel = this.#clock.after(delayMs, release);
      let forget: () => void = () => {};
      forget = fault.onEnd((because) => {
        if (because === 'stopped') cancel();
        else release();
      });
      calledOff.addEventListener('abort', release, { once: true });
      if (calledOff.aborted) release();
    });
  }
}

import type { Clock } from '../../lib/clock.ts';
import { expired } from '../api/refusals.ts';
import type { OpenWatch } from '../api/watch.ts';
import type { ActiveFault } from './active-fault.ts';
import type { FaultOf } from './fault-schema.ts';
import type { FaultSet } from './fault-set.ts';
import { matchesWatch } from './request-target.ts';

type WatchFault = ActiveFault<FaultOf<'watch-cut' | 'watch-silent' | 'watch-too-old' | 'api-black-hole'>>;

/** What happens to watches: those that are open when a fault starts, and those that open while it lasts. */
export class WatchFaults {
  readonly #faults: FaultSet;
  readonly #clock: Clock;
  readonly #watches = new Set<OpenWatch>();

  constructor(options: { faults: FaultSet; clock: Clock }) {
    this.#faults = options.faults;
    this.#clock = options.clock;
    for (const kind of ['watch-cut', 'watch-silent', 'watch-too-old', 'api-black-hole'] as const) {
      options.faults.handle(kind, (fault) => {
        this.#begin(fault);
      });
    }
  }

  /** To be told of each watch as it opens. */
  opened(watch: OpenWatch): void {
    this.#watches.add(watch);
    watch.onClose(() => {
      this.#watches.delete(watch);
    });
    if (this.#faults.isIdle) return;
    for (const fault of [
      ...this.#faults.of('watch-too-old'),
      ...this.#faults.of('watch-silent'),
      ...this.#faults.of('watch-cut'),
    ]) {
      if (!this.#strikesNew(fault, watch)) continue;
      this.#strike(fault, watch, { isNew: true });
    }
  }

  #begin(fault: WatchFault): void {
    for (const watch of this.#watches) {
      if (this.#matches(fault, watch) && fault.strikes()) this.#strike(fault, watch, { isNew: false });
    }
  }

  /** A client that lists anew before it watches has no version that could be too old. */
  #strikesNew(fault: WatchFault, watch: OpenWatch): boolean {
    if (!watch.isOpen || !this.#matches(fault, watch)) return false;
    if (fault.request.kind === 'watch-too-old' && watch.sinceVersion === undefined) return false;
    return fault.strikes();
  }

  /** A watch has no method to choose it by: a black hole for GETs takes it, one for writes alone does not. */
  #matches({ request }: WatchFault, watch: OpenWatch): boolean {
    if (request.kind !== 'api-black-hole') return matchesWatch(request.target, watch);
    const { methods, ...target } = request.target;
    return (methods?.includes('GET') ?? true) && matchesWatch(target, watch);
  }

  #strike(fault: WatchFault, watch: OpenWatch, { isNew }: { isNew: boolean }): void {
    const { request } = fault;
    switch (request.kind) {
      case 'watch-cut': {
        const cut = (): void => {
          if (request.how === 'reset') watch.reset();
          else watch.end();
        };
        if (isNew && request.afterMs > 0) this.#cutLater(fault, watch, { afterMs: request.afterMs, cut });
        else cut();
        return;
      }
      case 'watch-too-old':
        watch.fail(expired(`too old resource version: ${watch.sinceVersion ?? 0}`));
        return;
      case 'watch-silent':
      case 'api-black-hole': {
        const speak = watch.silence();
        // Who opened it in the silence has not even been told what there was.
        const resumes = request.kind === 'watch-silent' && request.afterwards === 'resume' && !isNew;
        const forget = fault.onEnd(resumes ? speak : () => watch.reset());
        watch.onClose(forget);
      }
    }
  }

  #cutLater(fault: WatchFault, watch: OpenWatch, { afterMs, cut }: { afterMs: number; cut: () => void }): void {
    const cancel = this.#clock.after(afterMs, () => {
      forget();
      cut();
    });
    const forget = fault.onEnd(cancel);
    watch.onClose(() => {
      cancel();
      forget();
    });
  }
}

import type { Clock } from '../../lib/clock.ts';
import type { FaultSet } from './fault-set.ts';

/** The machine that runs Pods. */
export interface FailingNode {
  /** @returns has it come back */
  goAway(): () => void;
  /** Its Pods are given up. */
  losePods(): void;
}

/** What happens to the node: it is gone, its Pods are given up after a while, it is back. */
export function startNodeFaults({ faults, clock, node }: { faults: FaultSet; clock: Clock; node: FailingNode }): void {
  faults.handle('node-gone', (fault) => {
    const { podsLostAfterMs } = fault.request;
    const comeBack = node.goAway();
    let cancel: () => void = () => {};
    if (podsLostAfterMs === 0) node.losePods();
    else {
      cancel = clock.after(podsLostAfterMs, () => {
        node.losePods();
      });
    }
    fault.onEnd((because) => {
      cancel();
      // One that came back as `local` stops would only start what is to end.
      if (because !== 'stopped') comeBack();
    });
  });
}

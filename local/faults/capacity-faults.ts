import type { GameServer } from '../../lib/agones.ts';
import type { AllocationEngineOptions } from '../allocation/allocation-engine.ts';
import type { FaultSet } from './fault-set.ts';
import { matchesGameServer } from './game-server-target.ts';

/**
 * What an allocation engine is given so that it runs out of GameServers on demand: those of a fault's target are as if they
 * were not there for a request that is struck, or it loses them to others. A request that would get another GameServer
 * anyway, or none, is no strike.
 */
export function capacityFaults(faults: FaultSet): Required<Pick<AllocationEngineOptions, 'withhold'>> {
  faults.handle('no-capacity', () => {});
  return {
    withhold(gameServer) {
      if (faults.isIdle) return undefined;
      for (const fault of faults.of('no-capacity')) {
        const { target, answer } = fault.request;
        if (!matchesGameServer(target, gameServer) || !fault.strikes()) continue;
        return answer === 'Contention' ? answer : (other: GameServer) => matchesGameServer(target, other);
      }
      return undefined;
    },
  };
}

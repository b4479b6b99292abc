import type { AllocationOrder, AllocationOutcome, GameServerAllocations } from './ports.ts';

/** Each session as its game has it: on a GameServer of its own, or on one it shares. */
export class AllocationsByMode implements GameServerAllocations {
  readonly #byMode: Record<AllocationOrder['session']['mode'], GameServerAllocations>;

  constructor(byMode: Record<AllocationOrder['session']['mode'], GameServerAllocations>) {
    this.#byMode = byMode;
  }

  allocate(order: AllocationOrder): Promise<AllocationOutcome> {
    return this.#byMode[order.session.mode].allocate(order);
  }
}

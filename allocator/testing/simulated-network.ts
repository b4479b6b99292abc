import type { SimulatedProcess, SimulatedTime } from './simulated-time.ts';

/** How often what goes wrong. Shares of all calls, 0 to 1. */
export interface NetworkFaults {
  /** The call is never carried out, and nobody can tell. */
  cut: number;
  /** It is carried out, and the answer is lost. */
  lostAnswer: number;
  /** It is refused, and nothing is done. */
  refused: number;
}

export interface SimulatedNetworkOptions {
  time: SimulatedTime;
  /** 0 ≤ n < 1. */
  random: () => number;
  /** One way. */
  maxLatencyMs: number;
  /** Whether the calls of a process are carried out in their order, as over one connection. */
  isInOrder: boolean;
  faults: NetworkFaults;
  /** What a caller sees of a call that was lost, and of one that was refused. */
  lost: () => Error;
  refused: () => Error;
}

/** The way from processes to something that outlives them. A call under way goes on when its process dies. */
export class SimulatedNetwork {
  readonly #options: SimulatedNetworkOptions;
  /** Nothing gets through while true. */
  isDown = false;
  /** When the last call of a process arrives. */
  readonly #arrivalMs = new WeakMap<SimulatedProcess, number>();

  constructor(options: SimulatedNetworkOptions) {
    this.#options = options;
  }

  call<Answer>(process: SimulatedProcess, carryOut: () => Answer | Promise<Answer>): Promise<Answer> {
    const { time, random, faults, lost, refused, maxLatencyMs } = this.#options;
    const fate = random();
    const isCut = fate < faults.cut;
    const isLost = isCut || fate < faults.cut + faults.lostAnswer;
    const isRefused = this.isDown || (!isLost && fate < faults.cut + faults.lostAnswer + faults.refused);
    return new Promise((resolve, reject) => {
      const answer = (give: () => void): void => {
        time.after(random() * maxLatencyMs, () => {
          if (!process.isDead) give();
        });
      };
      time.after(this.#latencyMs(process), () => {
        if (isRefused) {
          answer(() => {
            reject(refused());
          });
          return;
        }
        try {
          const result = isCut ? undefined : carryOut();
          answer(() => {
            if (isLost) reject(lost());
            else resolve(result as Answer | Promise<Answer>);
          });
        } catch (error) {
          answer(() => {
            reject(isLost ? lost() : error);
          });
        }
      });
    });
  }

  #latencyMs(process: SimulatedProcess): number {
    const { time, random, maxLatencyMs, isInOrder } = this.#options;
    const soonestMs = isInOrder ? (this.#arrivalMs.get(process) ?? 0) : 0;
    const arrivalMs = Math.max(soonestMs, time.nowMs + random() * maxLatencyMs);
    this.#arrivalMs.set(process, arrivalMs);
    return arrivalMs - time.nowMs;
  }
}

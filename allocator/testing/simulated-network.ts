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

  constructor(options: SimulatedNetworkOptions) {
    this.#options = options;
  }

  call<Answer>(process: SimulatedProcess, carryOut: () => Answer | Promise<Answer>): Promise<Answer> {
    const { time, random, maxLatencyMs, faults, lost, refused } = this.#options;
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
      time.after(random() * maxLatencyMs, () => {
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
}

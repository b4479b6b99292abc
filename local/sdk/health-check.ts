import type { GameServerHealth } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';

const DEFAULT_PERIOD_SECONDS = 5;
const DEFAULT_FAILURE_THRESHOLD = 3;
const DEFAULT_INITIAL_DELAY_SECONDS = 5;

/**
 * Counts the periods in which a game server sent no ping.
 *
 * The first look is `initialDelaySeconds` after the start and one each `periodSeconds` follows: a look fails when the last
 * ping (or the start) is longer ago than a period, and a ping forgives all failures. At `failureThreshold` failures
 * `onUnhealthy` is called, once.
 *
 * Source: Agones 1.57, `pkg/sdkserver/sdkserver.go`; the initial delay is that of the liveness probe which starts the check.
 */
export class HealthCheck {
  readonly #clock: Clock;
  readonly #periodMs: number;
  readonly #failureThreshold: number;
  readonly #onUnhealthy: () => void;
  #lastPingMs: number;
  #failures = 0;
  #cancel: () => void;

  constructor(health: GameServerHealth, clock: Clock, onUnhealthy: () => void) {
    this.#clock = clock;
    this.#periodMs = (health.periodSeconds ?? DEFAULT_PERIOD_SECONDS) * 1000;
    this.#failureThreshold = health.failureThreshold ?? DEFAULT_FAILURE_THRESHOLD;
    this.#onUnhealthy = onUnhealthy;
    this.#lastPingMs = clock.nowMs();
    const initialDelayMs = (health.initialDelaySeconds ?? DEFAULT_INITIAL_DELAY_SECONDS) * 1000;
    this.#cancel = health.disabled === true ? () => {} : this.#lookAfter(initialDelayMs);
  }

  /** The game server lives. */
  ping(): void {
    this.#lastPingMs = this.#clock.nowMs();
    this.#failures = 0;
  }

  /** Ends the check; `onUnhealthy` is not called any more. */
  stop(): void {
    this.#cancel();
  }

  #lookAfter(delayMs: number): () => void {
    return this.#clock.after(delayMs, () => {
      this.#look();
    });
  }

  #look(): void {
    if (this.#clock.nowMs() - this.#lastPingMs > this.#periodMs) this.#failures += 1;
    if (this.#failures >= this.#failureThreshold) {
      this.#onUnhealthy();
      return;
    }
    this.#cancel = this.#lookAfter(this.#periodMs);
  }
}

import type { GameServerHealth } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';

const DEFAULT_PERIOD_SECONDS = 5;
const DEFAULT_FAILURE_THRESHOLD = 3;
const DEFAULT_INITIAL_DELAY_SECONDS = 5;

/** Who is told of a game server that went silent. */
export interface HealthListener {
  /** It failed `failureThreshold` looks in a row; told again when it pings and falls silent another time. */
  onUnhealthy(): void;
  /** It stayed unhealthy for `failureThreshold` periods: its container is to end. */
  onDead(): void;
}

/**
 * Counts the periods in which a game server sent no ping.
 *
 * The first look is `initialDelaySeconds` after the start and one each `periodSeconds` follows: a look fails when the last
 * ping (or the start) is longer ago than a period, and a ping forgives all failures. At `failureThreshold` failures the
 * game server is unhealthy, and so its liveness probe fails: the same number of times again, and it is dead.
 *
 * Source: Agones 1.57, `pkg/sdkserver/sdkserver.go`; the initial delay is that of the liveness probe which starts the check.
 */
export class HealthCheck {
  readonly #clock: Clock;
  readonly #periodMs: number;
  readonly #failureThreshold: number;
  readonly #listener: HealthListener;
  #lastPingMs: number;
  #failures = 0;
  #isLost = false;
  #everPinged = false;
  #cancel: () => void;

  constructor(health: GameServerHealth, clock: Clock, listener: HealthListener) {
    this.#clock = clock;
    this.#periodMs = (health.periodSeconds ?? DEFAULT_PERIOD_SECONDS) * 1000;
    this.#failureThreshold = health.failureThreshold ?? DEFAULT_FAILURE_THRESHOLD;
    this.#listener = listener;
    this.#lastPingMs = clock.nowMs();
    const initialDelayMs = (health.initialDelaySeconds ?? DEFAULT_INITIAL_DELAY_SECONDS) * 1000;
    this.#cancel = health.disabled === true ? () => {} : this.#lookAfter(initialDelayMs);
  }

  /** Whether a ping ever came. */
  get everPinged(): boolean {
    return this.#everPinged;
  }

  /** The game server lives. */
  ping(): void {
    this.#everPinged = true;
    this.#lastPingMs = this.#clock.nowMs();
    this.#failures = 0;
  }

  /** The SDK server is gone: nobody becomes Unhealthy, but each look of the liveness probe fails. */
  lose(): void {
    this.#isLost = true;
    this.#failures = Math.max(this.#failures, this.#failureThreshold);
  }

  /** Ends the check; its listener is told no more. */
  stop(): void {
    this.#cancel();
  }

  #lookAfter(delayMs: number): () => void {
    return this.#clock.after(delayMs, () => {
      this.#look();
    });
  }

  #look(): void {
    if (this.#isLost || this.#clock.nowMs() - this.#lastPingMs > this.#periodMs) this.#failures += 1;
    if (!this.#isLost && this.#failures === this.#failureThreshold) this.#listener.onUnhealthy();
    if (this.#failures === 2 * this.#failureThreshold) {
      this.#listener.onDead();
      return;
    }
    this.#cancel = this.#lookAfter(this.#periodMs);
  }
}

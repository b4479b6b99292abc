import type { Clock } from '../../lib/clock.ts';
import type { ErrorCode } from '../../lib/errors.ts';
import type { NetworkCheck } from '../networks.ts';
import { addressKey } from './address-key.ts';
import { RateLimiter } from './rate-limiter.ts';
import type { RateLimit } from './rate-limiter.ts';

/** Why something is refused that goes over a limit. */
export interface LimitFault {
  code: Extract<ErrorCode, 'overloaded' | 'too_many_connections' | 'too_many_requests'>;
  retryAfterSeconds: number;
}

export interface AddressRatesOptions {
  clock: Clock;
  /** Of all together. */
  rate: RateLimit;
  ratePerAddress: RateLimit;
  /** Of so many addresses it remembers how often they came. */
  maxAddresses: number;
  /** Addresses that no rate holds for: behind them are many players, or ourselves. */
  isUnlimited: NetworkCheck;
}

/** The key of what all addresses take together. */
const EVERYBODY = '';

/** How often something may be done, by one client address and by all. */
export class AddressRates {
  readonly #isUnlimited: NetworkCheck;
  readonly #everybody: RateLimiter;
  readonly #eachAddress: RateLimiter;

  constructor({ clock, rate, ratePerAddress, maxAddresses, isUnlimited }: AddressRatesOptions) {
    this.#isUnlimited = isUnlimited;
    this.#everybody = new RateLimiter({ clock, ...rate, maxKeys: 1 });
    this.#eachAddress = new RateLimiter({ clock, ...ratePerAddress, maxKeys: maxAddresses });
  }

  /** Addresses it remembers. */
  get addresses(): number {
    return this.#eachAddress.size;
  }

  /** Takes one for an address, or says why not. */
  take(address: string): LimitFault | undefined {
    if (this.#isUnlimited(address)) return undefined;
    // The address first: what one that comes too often is refused is not taken from all.
    const addressWaitMs = this.#eachAddress.take(addressKey(address));
    if (addressWaitMs > 0) return { code: 'too_many_requests', retryAfterSeconds: inSeconds(addressWaitMs) };
    const waitMs = this.#everybody.take(EVERYBODY);
    return waitMs > 0 ? { code: 'overloaded', retryAfterSeconds: inSeconds(waitMs) } : undefined;
  }
}

function inSeconds(waitMs: number): number {
  return Math.max(1, Math.ceil(waitMs / 1000));
}

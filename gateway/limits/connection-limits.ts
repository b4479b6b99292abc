import type { NetworkCheck } from '../networks.ts';
import { addressKey } from './address-key.ts';
import type { AddressRates, LimitFault } from './address-rates.ts';

export interface ConnectionLimitsOptions {
  /** Open at once. */
  maxConnections: number;
  maxConnectionsPerAddress: number;
  /** Addresses for which only `maxConnections` counts: behind them are many players, or ourselves. */
  isUnlimited: NetworkCheck;
  /** How often they may be opened. */
  rates: AddressRates;
}

/** A place for one connection, until it is given back; or why there is none. */
export type Admission = { release: () => void; fault?: undefined } | { fault: LimitFault };

/** Connections of players last: sooner it is not likely that one has gone. */
const FULL_RETRY_SECONDS = 10;

/** How many connections there may be, for one client address and for all. Pure: it counts what it is told. */
export class ConnectionLimits {
  readonly #options: ConnectionLimitsOptions;
  readonly #openByAddress = new Map<string, number>();
  #open = 0;

  constructor(options: ConnectionLimitsOptions) {
    this.#options = options;
  }

  /** Places that are taken. */
  get open(): number {
    return this.#open;
  }

  /** Addresses that have one; no more than connections. */
  get addresses(): number {
    return this.#openByAddress.size;
  }

  /** Takes a place for a connection from an address. `release` gives it back; a second call does nothing. */
  admit(address: string): Admission {
    const key = addressKey(address);
    const fault = this.#fullFault(address, key) ?? this.#options.rates.take(address);
    if (fault !== undefined) return { fault };
    this.#count(key, 1);
    let isReleased = false;
    return {
      release: () => {
        if (isReleased) return;
        isReleased = true;
        this.#count(key, -1);
      },
    };
  }

  #fullFault(address: string, key: string): LimitFault | undefined {
    const { maxConnections, maxConnectionsPerAddress, isUnlimited } = this.#options;
    if ((this.#openByAddress.get(key) ?? 0) >= maxConnectionsPerAddress && !isUnlimited(address)) {
      return { code: 'too_many_connections', retryAfterSeconds: FULL_RETRY_SECONDS };
    }
    if (this.#open >= maxConnections) return { code: 'overloaded', retryAfterSeconds: FULL_RETRY_SECONDS };
    return undefined;
  }

  #count(key: string, change: 1 | -1): void {
    this.#open += change;
    const count = (this.#openByAddress.get(key) ?? 0) + change;
    if (count === 0) this.#openByAddress.delete(key);
    else this.#openByAddress.set(key, count);
  }
}

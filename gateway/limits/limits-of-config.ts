import type { Clock } from '../../lib/clock.ts';
import type { GatewayConfig } from '../config.ts';
import { AddressRates } from './address-rates.ts';
import { ConnectionLimits } from './connection-limits.ts';
import { SessionLimits } from './session-limits.ts';

/** What one of several processes may have of a bound that is for all of them: never nothing. */
export function shareOf(bound: number, processes: number): number {
  return Math.ceil(bound / processes);
}

/** @param processes - how many count for themselves, and so have a share each */
export function connectionLimitsOf(config: GatewayConfig, clock: Clock, processes: number): ConnectionLimits {
  return new ConnectionLimits({
    maxConnections: shareOf(config.MAX_CONNECTIONS, processes),
    maxConnectionsPerAddress: shareOf(config.MAX_CONNECTIONS_PER_ADDRESS, processes),
    isUnlimited: config.UNLIMITED_NETWORKS,
    rates: ratesOf(config, clock, processes),
  });
}

export function sessionLimitsOf(config: GatewayConfig, clock: Clock, processes: number): SessionLimits {
  return new SessionLimits({
    requests: ratesOf(config, clock, processes),
    forwarded: connectionLimitsOf(config, clock, processes),
  });
}

function ratesOf(config: GatewayConfig, clock: Clock, processes: number): AddressRates {
  // The rate is divided, the burst is not: what comes at once from one address may all meet the same process.
  const burstSeconds = config.HANDSHAKE_BURST_SECONDS * processes;
  return new AddressRates({
    clock,
    rate: { perSecond: config.HANDSHAKES_PER_SECOND / processes, burstSeconds },
    ratePerAddress: { perSecond: config.HANDSHAKES_PER_SECOND_PER_ADDRESS / processes, burstSeconds },
    maxAddresses: shareOf(config.MAX_TRACKED_ADDRESSES, processes),
    isUnlimited: config.UNLIMITED_NETWORKS,
  });
}

import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';

/** Loopback and the private networks of RFC 1918 and RFC 4193. Link-local, where clouds keep credentials, is not in it. */
export const PRIVATE_NETWORKS = '10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,127.0.0.0/8,::1/128,fc00::/7';

/** Whether an address is in one of the networks. The argument is an IP address, not a host name. */
export type NetworkCheck = (ipAddress: string) => boolean;

/**
 * Reads a list of networks in CIDR notation, separated by commas.
 *
 * @throws RangeError naming the entry that is not a network
 */
export function parseNetworks(text: string): NetworkCheck {
  const networks = new BlockList();
  for (const entry of text.split(',').map((part) => part.trim())) {
    const [address = '', prefix = ''] = entry.split('/');
    const family = isIP(address);
    const bits = Number(prefix);
    if (family === 0 || !/^\d{1,3}$/.test(prefix) || bits > (family === 4 ? 32 : 128)) {
      throw new RangeError(`not a network in CIDR notation: ${entry}`);
    }
    networks.addSubnet(address, bits, familyName(family));
  }
  return (ipAddress) => {
    const family = isIP(ipAddress);
    return family !== 0 && networks.check(ipAddress, familyName(family));
  };
}

/** The address of a GameServer is outside the networks that routes may point to. Does not hold the address. */
export class NetworkNotAllowedError extends Error {
  constructor() {
    super('the route points to a network that is not allowed');
    this.name = 'NetworkNotAllowedError';
  }
}

/**
 * Turns a GameServer's address into one to connect to. Host names, which some clouds give their nodes, are looked up
 * here and the result is what is connected to, so that no second look-up can point elsewhere.
 *
 * @throws NetworkNotAllowedError
 * @throws Error of the system's resolver
 */
export async function resolveAllowed(address: string, isAllowed: NetworkCheck): Promise<string> {
  const candidates = isIP(address) === 0 ? await lookup(address, { all: true }) : [{ address }];
  const allowed = candidates.find((candidate) => isAllowed(candidate.address));
  if (allowed === undefined) throw new NetworkNotAllowedError();
  return allowed.address;
}

function familyName(family: number): 'ipv4' | 'ipv6' {
  return family === 4 ? 'ipv4' : 'ipv6';
}

import { isIP, isIPv4 } from 'node:net';
import type { IssuedSeat } from '../allocation/seats.ts';
import type { GameServerView } from '../allocation/ports.ts';

export interface DirectSettings {
  /** The name under which game servers have a certificate, `games.example.com` for `*.games.example.com`, if they do. */
  directNameSuffix: string | undefined;
  /** The port of a GameServer where it speaks TLS. */
  directPortName: string;
}

/** What a client needs to connect to a GameServer itself. */
export interface DirectAccess {
  address: string;
  ports: { name: string; port: number }[];
  token: string;
  directWsUrl?: string;
}

/** The way to a GameServer without the gateway. See docs/adr/0013-game-servers-with-tls.md. */
export function directAccess(
  { direct: { address, ports } }: GameServerView,
  sessionId: string,
  seat: IssuedSeat,
  { directNameSuffix, directPortName }: DirectSettings,
): DirectAccess {
  const port = ports.find(({ name }) => name === directPortName)?.port;
  const access = { address, ports: [...ports], token: seat.seatToken };
  // A node's own name is under no suffix of ours, and no certificate of ours is good for it.
  if (directNameSuffix === undefined || port === undefined || isIP(address) === 0) return access;
  const host = `${nameOfAddress(address)}.${directNameSuffix}`;
  return { ...access, directWsUrl: `wss://${host}:${port}/session/${sessionId}?token=${seat.seatToken}` };
}

/**
 * An IP address as one label of a host name: `203-0-113-7`, `2001-db8--7`. A label neither begins nor ends with a hyphen
 * (RFC 1123, 2.1), so that `::1` is `0--1`.
 */
export function nameOfAddress(ipAddress: string): string {
  if (isIPv4(ipAddress)) return ipAddress.replaceAll('.', '-');
  return ipAddress.replaceAll(/[:.]/g, '-').replace(/^-/, '0-').replace(/-$/, '-0');
}

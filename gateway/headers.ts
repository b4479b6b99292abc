import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { ClientOrigin } from './client-origin.ts';

/** Meant for one hop only (RFC 9110, 7.6.1), or answered by this one (`Expect`). */
const HOP_BY_HOP = new Set([
  'connection',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** What proxies say about whom they stand for; from a stranger it is worth nothing. */
const FORWARDING = new Set(['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip']);

/** Header names and values by turns, as `rawHeaders` has them: order, case and repeats stay as they came. */
export type RawHeaders = string[];

/** The headers that go on to the next hop, without those in `without` (lower case). */
export function endToEndHeaders(message: IncomingMessage, without: readonly string[] = []): RawHeaders {
  const dropped = new Set([...HOP_BY_HOP, ...without]);
  for (const name of (message.headers.connection ?? '').split(',')) dropped.add(name.trim().toLowerCase());
  return filterHeaders(message.rawHeaders, (name) => !dropped.has(name));
}

/** Takes away every claim about whom a request stands for. */
export function withoutForwarding(headers: RawHeaders): RawHeaders {
  return filterHeaders(headers, (name) => !FORWARDING.has(name) && !name.startsWith('x-forwarded-'));
}

/** What this hop says about the client of a request; what proxies before it said counts when it came from one we trust. */
export function forwardingHeaders(request: IncomingMessage, origin: ClientOrigin): RawHeaders {
  const ownProto = (request.socket as Partial<TLSSocket>).encrypted === true ? 'https' : 'http';
  const said = (name: string): string | undefined =>
    origin.isFromTrustedProxy ? request.headers[name]?.toString() : undefined;
  const before = said('x-forwarded-for');
  return [
    'X-Forwarded-For',
    before === undefined ? origin.connectionAddress : `${before}, ${origin.connectionAddress}`,
    'X-Forwarded-Host',
    said('x-forwarded-host') ?? request.headers.host ?? '',
    'X-Forwarded-Proto',
    said('x-forwarded-proto') ?? ownProto,
  ];
}

function filterHeaders(headers: RawHeaders, keep: (lowerCaseName: string) => boolean): RawHeaders {
  const kept: RawHeaders = [];
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? '';
    if (keep(name.toLowerCase())) kept.push(name, headers[index + 1] ?? '');
  }
  return kept;
}

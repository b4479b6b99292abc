import { isIP } from 'node:net';

/**
 * The header with which a proxy says whom it stands for, before the first byte of the client's.
 *
 * Source: The PROXY protocol, versions 1 & 2, of HAProxy's documentation.
 */

/** The longest line of version 1, with its end. */
const MAX_TEXT_BYTES = 107;
const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const BINARY_HEAD_BYTES = 16;
/** Addresses take 216 bytes at most; behind them proxies put what they know of the client's TLS, or ids of their own. */
const MAX_BINARY_BODY_BYTES = 4096;

/** The longest header that is taken. */
export const MAX_PROXY_HEADER_BYTES = BINARY_HEAD_BYTES + MAX_BINARY_BODY_BYTES;

/** A header that is whole. */
export interface ProxyHeader {
  /** IP address of the client; undefined when the proxy speaks for itself, as its health checks do, or does not know. */
  clientAddress: string | undefined;
  /** Bytes the header takes; the client's own follow. */
  length: number;
}

/** What came is no header. Does not hold it. */
export class ProxyHeaderError extends Error {
  constructor(why: string) {
    super(`PROXY header: ${why}`);
    this.name = 'ProxyHeaderError';
  }
}

/**
 * Reads a header at the beginning of the bytes that came so far.
 *
 * @returns undefined while it is not whole yet
 * @throws ProxyHeaderError as soon as the bytes cannot become one
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader | undefined {
  if (bytes.length === 0) return undefined;
  return bytes[0] === SIGNATURE[0] ? readBinary(bytes) : readText(bytes);
}

function readText(bytes: Buffer): ProxyHeader | undefined {
  const prefix = 'PROXY ';
  const start = bytes.toString('latin1', 0, prefix.length);
  if (!prefix.startsWith(start)) throw new ProxyHeaderError('there is none');
  const end = bytes.subarray(0, MAX_TEXT_BYTES).indexOf('\r\n', 0, 'latin1');
  if (end === -1) {
    if (bytes.length >= MAX_TEXT_BYTES) throw new ProxyHeaderError('the line is too long');
    return undefined;
  }
  const length = end + 2;
  const [, protocol, source, destination, ...ports] = bytes.toString('latin1', 0, end).split(' ');
  if (protocol === 'UNKNOWN') return { clientAddress: undefined, length };
  const family = protocol === 'TCP4' ? 4 : protocol === 'TCP6' ? 6 : undefined;
  const isWhole =
    family !== undefined &&
    isIP(source ?? '') === family &&
    isIP(destination ?? '') === family &&
    ports.length === 2 &&
    ports.every(isPort);
  if (!isWhole) throw new ProxyHeaderError('the line is not one');
  return { clientAddress: source, length };
}

function isPort(text: string): boolean {
  return /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
}

function readBinary(bytes: Buffer): ProxyHeader | undefined {
  const signature = bytes.subarray(0, SIGNATURE.length);
  if (!signature.equals(SIGNATURE.subarray(0, signature.length))) throw new ProxyHeaderError('there is none');
  if (bytes.length < BINARY_HEAD_BYTES) return undefined;
  const command = bytes.readUInt8(12);
  const bodyBytes = bytes.readUInt16BE(14);
  if (command !== 0x20 && command !== 0x21) throw new ProxyHeaderError('version or command is not known');
  if (bodyBytes > MAX_BINARY_BODY_BYTES) throw new ProxyHeaderError('it is too long');
  const length = BINARY_HEAD_BYTES + bodyBytes;
  if (bytes.length < length) return undefined;
  const isLocal = command === 0x20;
  const clientAddress = isLocal ? undefined : sourceOf(bytes.readUInt8(13), bytes.subarray(BINARY_HEAD_BYTES, length));
  return { clientAddress, length };
}

/** The address of the client, where there is one: not where the proxy got the connection over a socket of its own machine. */
function sourceOf(familyAndTransport: number, body: Buffer): string | undefined {
  const family = familyAndTransport >> 4;
  if (family === 1) {
    if (body.length < 12) throw new ProxyHeaderError('the addresses are cut short');
    return body.subarray(0, 4).join('.');
  }
  if (family === 2) {
    if (body.length < 36) throw new ProxyHeaderError('the addresses are cut short');
    const groups = Array.from({ length: 8 }, (_, index) => body.readUInt16BE(index * 2).toString(16));
    return groups.join(':');
  }
  return undefined;
}

import { isIP } from 'node:net';

/**
 * The few parts of DER that certificates are made of.
 *
 * Source: ITU-T X.690.
 */

const SHORT_LENGTH_LIMIT = 0x80;

function element(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag]), lengthOf(content), content]);
}

function lengthOf(content: Buffer): Buffer {
  if (content.length < SHORT_LENGTH_LIMIT) return Buffer.from([content.length]);
  const bytes = bigEndian(BigInt(content.length));
  return Buffer.from([SHORT_LENGTH_LIMIT | bytes.length, ...bytes]);
}

function bigEndian(value: bigint): Buffer {
  const digits = value.toString(16);
  return Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex');
}

export function sequence(...elements: Buffer[]): Buffer {
  return element(0x30, Buffer.concat(elements));
}

export function set(...elements: Buffer[]): Buffer {
  return element(0x31, Buffer.concat(elements));
}

/** @param value - not below 0 */
export function integer(value: bigint): Buffer {
  const bytes = bigEndian(value);
  // A leading bit of 1 would make it negative.
  const isNegative = (bytes[0] ?? 0) >= 0x80;
  return element(0x02, isNegative ? Buffer.concat([Buffer.from([0]), bytes]) : bytes);
}

export function boolean(value: boolean): Buffer {
  return element(0x01, Buffer.from([value ? 0xff : 0]));
}

/** @param text - in dots, e.g. `2.5.4.3` */
export function objectIdentifier(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  return element(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): number[] {
  const groups = [value & 0x7f];
  for (let left = value >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
  return groups;
}

export function utf8Text(text: string): Buffer {
  return element(0x0c, Buffer.from(text));
}

export function octets(content: Buffer): Buffer {
  return element(0x04, content);
}

/** @param unusedBits - how many of the last byte's lowest bits do not count */
export function bits(content: Buffer, unusedBits = 0): Buffer {
  return element(0x03, Buffer.concat([Buffer.from([unusedBits]), content]));
}

/** Whole seconds; X.509 wants two digits of the year before 2050 and four from then on. */
export function time(atMs: number): Buffer {
  const digits = `${new Date(atMs).toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`;
  const isShort = new Date(atMs).getUTCFullYear() < 2050;
  return isShort ? element(0x17, Buffer.from(digits.slice(2))) : element(0x18, Buffer.from(digits));
}

/** A field that is known by its number. */
export function tagged(number: number, content: Buffer): Buffer {
  return element(0xa0 | number, content);
}

/** The same around bare bytes. */
export function taggedBytes(number: number, content: Buffer): Buffer {
  return element(0x80 | number, content);
}

/** The bytes of an IP address. @throws TypeError when it is none */
export function addressBytes(address: string): Buffer {
  switch (isIP(address)) {
    case 4:
      return Buffer.from(address.split('.').map(Number));
    case 6:
      return Buffer.from(expandedIpv6(address).flatMap((group) => [group >> 8, group & 0xff]));
    default:
      throw new TypeError(`${address} is not an IP address`);
  }
}

function expandedIpv6(address: string): number[] {
  // The URL parser writes an IPv4 tail in hexadecimal.
  const plain = new URL(`http://[${address.split('%')[0]}]/`).hostname.slice(1, -1);
  const [head = [], tail = []] = plain.split('::').map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = plain.includes('::') ? Array.from({ length: 8 - head.length - tail.length }, () => '0') : [];
  return [...head, ...zeros, ...tail].map((group) => Number.parseInt(group, 16));
}

import fc from 'fast-check';
import { MAX_PROXY_HEADER_BYTES, ProxyHeaderError, readProxyHeader } from './proxy-header.ts';

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';
const seed = 23;

function binary(command: number, family: number, body: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(body.length);
  return Buffer.concat([Buffer.from(SIGNATURE, 'latin1'), Buffer.from([command, family]), length, body]);
}

const port = fc.integer({ min: 0, max: 65_535 });
const text4 = fc.tuple(fc.ipV4(), fc.ipV4(), port, port).map(([source, destination, from, to]) => ({
  bytes: Buffer.from(`PROXY TCP4 ${source} ${destination} ${from} ${to}\r\n`),
  address: source,
}));
const text6 = fc.tuple(fc.ipV6(), fc.ipV6(), port, port).map(([source, destination, from, to]) => ({
  bytes: Buffer.from(`PROXY TCP6 ${source} ${destination} ${from} ${to}\r\n`),
  address: source,
}));
const extras = fc.uint8Array({ maxLength: 300 });
const binary4 = fc.tuple(fc.ipV4(), extras).map(([source, extra]) => ({
  bytes: binary(0x21, 0x11, Buffer.concat([Buffer.from(source.split('.').map(Number)), Buffer.alloc(8), extra])),
  address: source,
}));
const binary6 = fc.tuple(fc.uint8Array({ minLength: 16, maxLength: 16 }), extras).map(([source, extra]) => ({
  bytes: binary(0x21, 0x21, Buffer.concat([source, Buffer.alloc(20), extra])),
  address: (Buffer.from(source).toString('hex').match(/.{4}/g) ?? [])
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':'),
}));
const nameless = fc.constantFrom(
  Buffer.from('PROXY UNKNOWN\r\n'),
  Buffer.from('PROXY UNKNOWN ffff:: ffff:: 1 2\r\n'),
  binary(0x20, 0x00, Buffer.alloc(0)),
  binary(0x20, 0x11, Buffer.alloc(12)),
  binary(0x21, 0x00, Buffer.alloc(0)),
  binary(0x21, 0x31, Buffer.alloc(216)),
);
const header = fc.oneof(
  text4,
  text6,
  binary4,
  binary6,
  nameless.map((bytes) => ({ bytes, address: undefined })),
);

describe('a PROXY header', () => {
  it('names the client, and where its own bytes begin, whatever follows; and is not whole at any byte before', () => {
    fc.assert(
      fc.property(header, fc.uint8Array({ maxLength: 40 }), ({ bytes, address }, rest) => {
        const whole = Buffer.concat([bytes, rest]);
        expect(readProxyHeader(whole)).toEqual({ clientAddress: address, length: bytes.length });
        for (let end = 0; end < bytes.length; end += 1) {
          expect(readProxyHeader(whole.subarray(0, end))).toBeUndefined();
        }
      }),
      { seed },
    );
  });

  it('that is none is refused or waited for within bounds, and never anything else', () => {
    const likely = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.concat([Buffer.from('PROXY '), bytes])),
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.concat([Buffer.from(SIGNATURE, 'latin1'), bytes])),
    );
    fc.assert(
      fc.property(likely, (bytes) => {
        try {
          const read = readProxyHeader(bytes);
          if (read !== undefined) expect(read.length).toBeLessThanOrEqual(bytes.length);
        } catch (error) {
          expect(error).toBeInstanceOf(ProxyHeaderError);
        }
        const long = Buffer.concat([bytes, Buffer.alloc(MAX_PROXY_HEADER_BYTES, 0x41)]);
        let isWaiting = false;
        try {
          isWaiting = readProxyHeader(long) === undefined;
        } catch {
          isWaiting = false;
        }
        expect(isWaiting).toBe(false);
      }),
      { seed, numRuns: 500 },
    );
  });

  it.each([
    ['a request', 'GET / HTTP/1.1\r\n'],
    ['a TLS handshake', '\x16\x03\x01'],
    ['the beginning of another word', 'PROXIES'],
    ['a line without an end', `PROXY TCP4 ${'1'.repeat(110)}`],
    ['addresses of the other family', 'PROXY TCP6 127.0.0.1 127.0.0.1 1 2\r\n'],
    ['no addresses', 'PROXY TCP4\r\n'],
    ['a host name', 'PROXY TCP4 localhost 127.0.0.1 1 2\r\n'],
    ['a port too high', 'PROXY TCP4 127.0.0.1 127.0.0.1 1 65536\r\n'],
    ['three ports', 'PROXY TCP4 127.0.0.1 127.0.0.1 1 2 3\r\n'],
    ['another protocol', 'PROXY UDP4 127.0.0.1 127.0.0.1 1 2\r\n'],
    ['version 3', `${SIGNATURE}\x31\x11\0\x0c${'\0'.repeat(12)}`],
    ['an unknown command', `${SIGNATURE}\x22\x11\0\x0c${'\0'.repeat(12)}`],
    ['addresses cut short', `${SIGNATURE}\x21\x11\0\x0b${'\0'.repeat(11)}`],
    ['a body too long', `${SIGNATURE}\x21\x11\xff\xff`],
  ])('is not %s', (_name, text) => {
    expect(() => readProxyHeader(Buffer.from(text, 'latin1'))).toThrow(ProxyHeaderError);
  });
});

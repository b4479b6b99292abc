import { connect } from 'node:net';
import { mutateBytes } from './byte-mutations.ts';
import type { Choices } from './choices.ts';

/** How long bytes may come on a connection after nothing more is said on it. */
const QUIET_MS = 15;

const HTTP2_PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const SETTINGS = '\0\0\0\x04\0\0\0\0\0';

/** What no HTTP client would send. */
const CONVERSATIONS: readonly string[] = [
  'GET\r\n\r\n',
  'GET / HTTP/1.1\r\n\r\n',
  'GET / HTTP/9.9\r\nHost: a\r\n\r\n',
  'GET / HTTP/1.0\r\n\r\n',
  'GET  HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET http://elsewhere.example/api HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET //api//v1 HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET * HTTP/1.1\r\nHost: a\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
  'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n',
  'CONNECT /api HTTP/1.1\r\nHost: a\r\n\r\n',
  `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
  `GET /api HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(40_000)}\r\n\r\n`,
  `GET /api HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(3000)}\r\n`,
  'GET /api HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
  'GET /api HTTP/1.1\nHost: a\n\n',
  'GET /api HTTP/1.1\r\nHost: a\r\n folded: x\r\n\r\n',
  'GET /api HTTP/1.1\r\nHost: a\r\nNo colon\r\n\r\n',
  'GET /api HTTP/1.1\r\nHost: a\r\n: empty\r\n\r\n',
  'POST /api/v1/namespaces/fuzz/configmaps HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n{}',
  'POST /api/v1/namespaces/fuzz/configmaps HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n{}',
  'POST /api/v1/namespaces/fuzz/configmaps HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\n{}',
  'POST /api/v1/namespaces/fuzz/configmaps HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\n{"metadata":',
  'POST /api/v1/namespaces/fuzz/configmaps HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x',
  'POST /gameserverallocation HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'POST /api/v1/namespaces/fuzz/configmaps HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n',
  'POST /ready HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}\r\n',
  'POST /metadata/label HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n{}',
  'POST /gameserverallocation HTTP/1.1\r\nHost: a\r\nExpect: something\r\nContent-Length: 2\r\n\r\n{}',
  'GET /api HTTP/1.1\r\nHost: a\r\n\r\nGET /apis HTTP/1.1\r\nHost: a\r\n\r\nGET /nothing HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET /api HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x85aaaa',
  'GET /watch/gameserver HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n\xff\xff\xff\xff\xff\xff',
  'GET /watch/gameserver HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 7\r\n\r\n',
  'GET /api/v1/namespaces/fuzz/pods/canary/exec HTTP/1.1\r\nHost: a\r\nUpgrade: SPDY/3.1\r\nConnection: Upgrade\r\n\r\n\x80\x03\0\x01',
  `${HTTP2_PREFACE}${SETTINGS}`,
  `${HTTP2_PREFACE}\xff\xff\xff\xff\xff\xff\xff\xff\xff`,
  `${HTTP2_PREFACE}${SETTINGS}\0\0\x05\x01\x05\0\0\0\x01\x82\x84\x86\xff\xff`,
  `${HTTP2_PREFACE}${SETTINGS}\0\0\x04\x08\0\0\0\0\0\x7f\xff\xff\xff`,
  `${HTTP2_PREFACE}${SETTINGS}${'\0\0\x04\x03\0\0\0\0\x01\0\0\0\x08'.repeat(200)}`,
  '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03',
  '\0\0\0\0\0\0\0\0',
  '\r\n\r\n\r\n',
  '{"json": true}\n',
  'SSH-2.0-x\r\n',
];

/** Bytes for a connection, about as broken as they come. */
export function brokenConversation(choices: Choices): Buffer {
  const bytes = Buffer.from(choices.of(CONVERSATIONS), 'latin1');
  return choices.happens(0.4) ? mutateBytes(choices, bytes) : bytes;
}

/**
 * Says the bytes on a connection of their own and hears what comes back, until it is quiet or closed.
 *
 * @returns the statuses of all HTTP/1.1 answers
 */
export function converse(port: number, bytes: Buffer, endsPolitely: boolean): Promise<number[]> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let heard = '';
    const done = (): void => {
      socket.destroy();
    };
    let quiet: NodeJS.Timeout | undefined;
    const wait = (): void => {
      clearTimeout(quiet);
      quiet = setTimeout(done, QUIET_MS);
    };
    socket.on('connect', () => {
      if (endsPolitely) socket.end(bytes);
      else socket.write(bytes);
      wait();
    });
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1');
      wait();
    });
    socket.on('error', () => {
      // A connection that is broken off is a fine answer to these.
    });
    socket.on('close', () => {
      clearTimeout(quiet);
      resolve([...heard.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status)));
    });
  });
}

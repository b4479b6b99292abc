import type { Socket } from 'node:net';
import { ProxyHeaderError, readProxyHeader } from './proxy-header.ts';

/**
 * Takes the PROXY header off a fresh socket; what follows it is read from the socket as if it had come first.
 *
 * @returns the client's address, or undefined where the proxy names none
 * @throws ProxyHeaderError when there is no header, or not within the time; the socket is as good as lost then
 */
export function takeProxyHeader(socket: Socket, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      socket.removeListener('readable', onReadable);
      socket.removeListener('close', onEnd);
      socket.removeListener('end', onEnd);
      act();
    };
    const fail = (error: Error): void => {
      settle(() => {
        reject(error);
      });
    };
    const onReadable = (): void => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      // Short by the parser's bounds, so that it never grows beyond one chunk more than a header.
      bytes = Buffer.concat([bytes, chunk]);
      try {
        const header = readProxyHeader(bytes);
        if (header === undefined) return;
        settle(() => {
          const rest = bytes.subarray(header.length);
          if (rest.length > 0) socket.unshift(rest);
          resolve(header.clientAddress);
        });
      } catch (error) {
        fail(error instanceof Error ? error : new Error(String(error)));
      }
    };
    const onEnd = (): void => {
      fail(new ProxyHeaderError('the connection ended before it'));
    };
    const timer = setTimeout(() => {
      fail(new ProxyHeaderError('it did not come in time'));
    }, timeoutMs);
    socket.on('readable', onReadable);
    socket.once('end', onEnd);
    socket.once('close', onEnd);
  });
}

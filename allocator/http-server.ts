import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ProblemError } from '../lib/errors.ts';
import { problemResponse } from '../lib/problem.ts';

export interface HttpServerOptions {
  port: number;
  address: string;
  maxHeaderBytes: number;
  requestTimeoutMs: number;
  keepAliveMs: number;
}

/** A server that listens. */
export interface ListeningServer {
  /** Chosen by the system where port 0 was asked for. */
  port: number;
  /** Takes no more connections, and waits for the requests that are under way. */
  close: () => Promise<void>;
}

/**
 * Listens.
 *
 * @throws Error EADDRINUSE and the like
 */
export async function listen(listener: RequestListener, options: HttpServerOptions): Promise<ListeningServer> {
  const server = createServer(
    {
      maxHeaderSize: options.maxHeaderBytes,
      requestTimeout: options.requestTimeoutMs,
      headersTimeout: options.requestTimeoutMs,
      keepAliveTimeout: options.keepAliveMs,
      connectionsCheckingInterval: Math.min(5000, options.requestTimeoutMs),
    },
    listener,
  );
  answerBrokenRequests(server);
  let isClosing = false;
  server.on('request', (_request, response) => {
    // A connection whose last answer leaves after the close began would be kept for the next request.
    response.once('close', () => {
      if (isClosing) setImmediate(() => server.closeIdleConnections());
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.address, () => {
      server.off('error', reject);
      resolve();
    });
  });
  // A server that listens on TCP has an address with a port.
  const { port } = server.address() as AddressInfo;
  return {
    port,
    close: () =>
      new Promise((resolve, reject) => {
        isClosing = true;
        server.close((error) => {
          if (error === undefined) resolve();
          else reject(error);
        });
        server.closeIdleConnections();
      }),
  };
}

/** What never becomes a request: express does not see it, so it is answered on the socket. */
function answerBrokenRequests(server: Server): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable || error.code === 'ECONNRESET') {
      socket.destroy();
      return;
    }
    socket.end(problemResponse(problemOf(error.code)));
  });
}

function problemOf(code: string | undefined): ProblemError {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new ProblemError('headers_too_large', 'The headers are larger than is taken here');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new ProblemError('request_timeout', 'The request did not arrive in time');
    default:
      return new ProblemError('invalid_request', 'This is not HTTP');
  }
}

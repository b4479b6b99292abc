import type { Server as RestService } from 'node:http';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { SecureContextOptions, Server as TlsServer, TlsOptions } from 'node:tls';
import type { GrpcService } from './grpc-service.ts';
import type { TlsIdentity } from './tls-files.ts';

/** What a port serves; on one for both, TLS tells them apart by the protocol that the client offers. */
export interface Served {
  rest?: RestService;
  grpc?: GrpcService;
}

/** An open port of the allocator service. */
export interface Listener {
  port: number;
  /** For connections from now on; those that are there stay. */
  show(identity: TlsIdentity): void;
  /** Ends every connection. */
  close(): Promise<void>;
}

export interface ListenerOptions {
  port: number;
  host: string;
  served: Served;
  /** Without it connections are in the clear. */
  identity: TlsIdentity | undefined;
}

const MAX_CONNECTIONS = 1024;
const HANDSHAKE_TIMEOUT_MS = 10_000;

/**
 * Opens a port of the allocator service.
 *
 * REST goes over HTTP/1.1 and gRPC over HTTP/2. A client of REST offers HTTP/1.1, if with HTTP/2 before it; one of gRPC
 * offers HTTP/2 alone. Without TLS nothing is offered, so that a port for both serves REST: the same holds for Agones,
 * whose server reads HTTP/2 over TLS only.
 *
 * @throws the error of `node:net`, e.g. `EADDRINUSE`
 */
export async function openListener({ port, host, served, identity }: ListenerOptions): Promise<Listener> {
  const sockets = new Set<Socket>();
  const server = identity === undefined ? createServer() : createTlsServer(tlsOptions(identity, served));
  server.maxConnections = MAX_CONNECTIONS;
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on(identity === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    handOver(socket, served);
  });
  return {
    port: await listen(server, port, host),
    show(next) {
      if (isTls(server)) server.setSecureContext(contextOptions(next));
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Hands a connection to the one it is for. */
function handOver(socket: Socket, { rest, grpc }: Served): void {
  const isHttp2 = 'alpnProtocol' in socket && socket.alpnProtocol === 'h2';
  if (grpc !== undefined && (isHttp2 || rest === undefined)) grpc.take(socket);
  else rest?.emit('connection', socket);
}

function tlsOptions(identity: TlsIdentity, { rest, grpc }: Served): TlsOptions {
  const protocolsServed = [...(rest === undefined ? [] : ['http/1.1']), ...(grpc === undefined ? [] : ['h2'])];
  const needed = identity.clientAuthorities !== undefined;
  return {
    ...contextOptions(identity),
    requestCert: needed,
    rejectUnauthorized: needed,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    ALPNCallback: ({ protocols }) => protocolsServed.find((protocol) => protocols.includes(protocol)),
  };
}

function contextOptions({ certificate, key, clientAuthorities }: TlsIdentity): SecureContextOptions {
  return {
    cert: certificate,
    key,
    // An empty list trusts nobody; none at all would trust whom the system trusts.
    ca: clientAuthorities ?? [],
  };
}

function isTls(server: Server | TlsServer): server is TlsServer {
  return 'setSecureContext' in server;
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

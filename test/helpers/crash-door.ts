import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** A message of a process, at which it dies. */
export interface CrashPoint {
  /** What the message says, as it goes over the wire. */
  says: RegExp;
  /** `before`: the message never arrives. `after`: it does, and the answer to it does not. */
  when: 'before' | 'after';
}

/** The way of one process to something that outlives it: it can be killed at any message that goes through. */
export class CrashDoor {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #armed: { point: CrashPoint; crash: () => void } | undefined;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  static async open(targetPort: number): Promise<CrashDoor> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const door = new CrashDoor(server);
    server.on('connection', (near) => {
      door.#join(near, connect(targetPort, '127.0.0.1'));
    });
    return door;
  }

  /** Kills the process at the next message that says so. */
  arm(point: CrashPoint, crash: () => void): void {
    this.#armed = { point, crash };
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(near: Socket, far: Socket): void {
    let dies = false;
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => {});
    }
    near.on('close', () => far.end());
    far.on('close', () => near.end());
    near.on('data', (chunk) => {
      const armed = this.#armed;
      if (armed?.point.says.test(chunk.toString('latin1')) === true) {
        this.#armed = undefined;
        dies = true;
        if (armed.point.when === 'before') {
          armed.crash();
          return;
        }
        far.once('data', armed.crash);
      }
      far.write(chunk);
    });
    far.on('data', (chunk) => {
      if (!dies) near.write(chunk);
    });
  }
}

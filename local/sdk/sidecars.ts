import type { GameServer } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ObjectStore } from '../api/store.ts';
import { serveGrpc } from './grpc-server.ts';
import { serveRest } from './rest-server.ts';
import { Sidecar } from './sidecar.ts';
import type { RecordEvent } from '../controllers/event-recorder.ts';

export interface SidecarsOptions {
  store: ObjectStore;
  clock: Clock;
  record: RecordEvent;
  writeIntervalMs: number;
}

/** A sidecar that listens. */
export interface ListeningSidecar {
  grpcPort: number;
  httpPort: number;
  close(): Promise<void>;
}

const HOST = '127.0.0.1';

/** The SDK servers of all GameServers of this machine, in one process. */
export class Sidecars {
  readonly #options: SidecarsOptions;
  readonly #byGameServer = new Map<string, Sidecar>();
  readonly #unsubscribe: () => void;

  constructor(options: SidecarsOptions) {
    this.#options = options;
    this.#unsubscribe = options.store.subscribe<GameServer>('gameservers', ({ object }) => {
      this.#byGameServer.get(keyOf(object.metadata.namespace, object.metadata.name))?.gameServerChanged(object);
    });
  }

  /**
   * Starts the SDK server of a GameServer, on ports of its own.
   *
   * @param onDead - called when its health has been lost for so long that a cluster would end its container
   * @throws StatusError when there is no such GameServer
   */
  async open(namespace: string, name: string, onDead?: () => void): Promise<ListeningSidecar> {
    const { store } = this.#options;
    const gameServer = store.get<GameServer>('gameservers', namespace, name);
    const sidecar = new Sidecar({ ...this.#options, namespace, name, onDead }, gameServer);
    const key = keyOf(namespace, name);
    this.#byGameServer.set(key, sidecar);
    const [grpc, rest] = await Promise.all([serveGrpc(sidecar, HOST), serveRest(sidecar, HOST)]);
    return {
      grpcPort: grpc.port,
      httpPort: rest.port,
      close: async () => {
        sidecar.stop();
        if (this.#byGameServer.get(key) === sidecar) this.#byGameServer.delete(key);
        await Promise.all([grpc.close(), rest.close()]);
      },
    };
  }

  /** Sidecars that are open stay so until each is closed; they are told of changes no more. */
  stop(): void {
    this.#unsubscribe();
  }
}

function keyOf(namespace: string | undefined, name: string): string {
  return `${namespace ?? 'default'}/${name}`;
}

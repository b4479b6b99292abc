import type { GameServer } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ObjectStore } from '../api/store.ts';
import { SdkServer } from './sdk-server.ts';
import type { ListenAddress } from './sdk-server.ts';
import { Sidecar } from './sidecar.ts';
import type { OnSilent, SidecarOptions, StandAlone } from './sidecar.ts';
import type { RecordEvent } from '../controllers/event-recorder.ts';

export interface SidecarsOptions {
  store: ObjectStore;
  clock: Clock;
  record: RecordEvent;
  writeIntervalMs: number;
  holdReady?: NonNullable<SidecarOptions['holdReady']>;
  onSilent?: OnSilent;
  /** Where they listen. @default ports that the system chooses, for this machine alone */
  listen?: ListenAddress;
  standAlone?: StandAlone;
}

/** A sidecar that is called within this process. */
export interface ConnectedSidecar {
  sidecar: Sidecar;
  close(): void;
}

const ANY_PORT_OF_THIS_MACHINE = { host: '127.0.0.1', grpcPort: 0, httpPort: 0 };

/** The SDK servers of all GameServers of this machine, in one process. */
export class Sidecars {
  readonly #options: SidecarsOptions;
  readonly #byGameServer = new Map<string, Sidecar>();
  readonly #servers = new Map<string, SdkServer>();
  readonly #unsubscribe: () => void;

  constructor(options: SidecarsOptions) {
    this.#options = options;
    this.#unsubscribe = options.store.subscribe<GameServer>('gameservers', ({ object }) => {
      this.#byGameServer.get(keyOf(object.metadata.namespace, object.metadata.name))?.gameServerChanged(object);
    });
  }

  /**
   * Starts the SDK server of a GameServer, on ports of its own unless `listen` names some.
   *
   * @param onDead - called when its health has been lost for so long that a cluster would end its container
   * @throws StatusError when there is no such GameServer
   */
  async open(namespace: string, name: string, onDead?: () => void): Promise<SdkServer> {
    const key = keyOf(namespace, name);
    const server = await SdkServer.start({
      clock: this.#options.clock,
      listen: this.#options.listen ?? ANY_PORT_OF_THIS_MACHINE,
      startSidecar: (isRestarted) => this.#add(namespace, name, { onDead, isRestarted }),
      onDown: (sidecar) => {
        if (this.#byGameServer.get(key) === sidecar) this.#byGameServer.delete(key);
      },
      onClose: (closed) => {
        if (this.#servers.get(key) === closed) this.#servers.delete(key);
      },
    });
    this.#servers.set(key, server);
    return server;
  }

  /** The SDK server of a GameServer, while it is open. */
  serverOf(namespace: string, name: string): SdkServer | undefined {
    return this.#servers.get(keyOf(namespace, name));
  }

  /**
   * The sidecar of a GameServer whose game is played within this process: it listens nowhere, and takes silence for good
   * health.
   *
   * @throws StatusError when there is no such GameServer
   */
  connect(namespace: string, name: string): ConnectedSidecar {
    const sidecar = this.#add(namespace, name, { checksHealth: false });
    const key = keyOf(namespace, name);
    return {
      sidecar,
      close: () => {
        sidecar.stop();
        if (this.#byGameServer.get(key) === sidecar) this.#byGameServer.delete(key);
      },
    };
  }

  #add(
    namespace: string,
    name: string,
    options: Pick<SidecarOptions, 'onDead' | 'isRestarted' | 'checksHealth'>,
  ): Sidecar {
    const gameServer = this.#options.store.get<GameServer>('gameservers', namespace, name);
    const sidecar = new Sidecar({ ...this.#options, ...options, namespace, name }, gameServer);
    this.#byGameServer.set(keyOf(namespace, name), sidecar);
    return sidecar;
  }

  /** Sidecars that are open stay so until each is closed; they are told of changes no more. */
  stop(): void {
    this.#unsubscribe();
  }
}

function keyOf(namespace: string | undefined, name: string): string {
  return `${namespace ?? 'default'}/${name}`;
}

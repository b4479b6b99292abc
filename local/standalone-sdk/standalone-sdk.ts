import type { GameServer, KubernetesObject } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';
import { fieldsOf } from '../api/admission.ts';
import { asJsonObject } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import { applyMergePatch, mergePatchBetween } from '../api/merge-patch.ts';
import { StatusError } from '../api/status-error.ts';
import type { ObjectStore } from '../api/store.ts';
import type { RecordEvent } from '../controllers/event-recorder.ts';
import { FileChanges } from '../development/file-changes.ts';
import { isBeingDeleted } from '../resources/game-server-state.ts';
import type { SdkServer } from '../sdk/sdk-server.ts';
import { Sidecars } from '../sdk/sidecars.ts';
import { defaultGameServer, GameServerFileError, readGameServerFile } from './game-server-file.ts';

export interface StandaloneSdkOptions {
  store: ObjectStore;
  clock: Clock;
  record: RecordEvent;
  /** YAML or JSON of a GameServer. @default that of Agones' local mode */
  file?: string;
  listen: { host: string; grpcPort: number; httpPort: number };
  /** How long a call of the SDK waits until it is seen on the GameServer. */
  writeIntervalMs: number;
  playerTracking: boolean;
  /** What happens to the GameServer. */
  say(line: string): void;
  /** What its developer should look at. */
  tell(notice: string): void;
}

/**
 * The SDK server of one game that is started by hand: in place of Agones' `sdk-server --local`.
 *
 * Its GameServer is one outside the cluster, Ready from the start, in the store of a whole `local`: so it is seen, watched,
 * changed and allocated there like any other. One that was shut down stays Shutdown until the game asks for a state again,
 * by then a new process of it perhaps; one that is deleted otherwise is made anew at once.
 */
export class StandaloneSdk {
  readonly #options: StandaloneSdkOptions;
  readonly #unsubscribe: () => void;
  readonly #changes: FileChanges | undefined;
  /** As the file had it last. */
  #wanted: JsonObject;
  #saidState: string | undefined;
  #sidecars: Sidecars | undefined;
  #server: SdkServer | undefined;
  #cancelPingCheck: () => void = () => {};

  private constructor(options: StandaloneSdkOptions, wanted: JsonObject) {
    this.#options = options;
    this.#wanted = wanted;
    this.#unsubscribe = options.store.subscribe<GameServer>('gameservers', ({ type, object, previous }) => {
      if (type !== 'DELETED' && this.#isOurs(object)) this.#changed(object, previous);
    });
    const { file, clock, tell } = options;
    if (file === undefined) return;
    this.#changes = new FileChanges({
      paths: [file],
      ignoredDirectories: [],
      clock,
      onChange: () => {
        this.#reload(file);
      },
      onFault: tell,
    });
  }

  /** @throws GameServerFileError, StatusError when the file's GameServer is refused, Error when a port is taken */
  static async start(options: StandaloneSdkOptions): Promise<StandaloneSdk> {
    const { store, file, listen, playerTracking } = options;
    const wanted = file === undefined ? defaultGameServer() : readGameServerFile(file);
    const { name, namespace } = addressOf(wanted);
    if (store.find('namespaces', '', namespace) === undefined) {
      store.create('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    }
    const sdk = new StandaloneSdk(options, wanted);
    try {
      store.create('gameservers', objectOf(wanted));
      const sidecars = new Sidecars({
        ...options,
        listen,
        standAlone: {
          replaceEnded: () => {
            sdk.#replace();
          },
          playerTracking,
        },
      });
      sdk.#sidecars = sidecars;
      sdk.#server = await sidecars.open(namespace, name);
    } catch (error) {
      await sdk.stop();
      throw error;
    }
    return sdk;
  }

  get namespace(): string {
    return addressOf(this.#wanted).namespace;
  }

  /** Where it listens. */
  get grpcPort(): number {
    return this.#server?.grpcPort ?? 0;
  }

  get httpPort(): number {
    return this.#server?.httpPort ?? 0;
  }

  async stop(): Promise<void> {
    this.#unsubscribe();
    this.#changes?.stop();
    this.#cancelPingCheck();
    this.#sidecars?.stop();
    await this.#server?.close();
  }

  #isOurs({ metadata }: KubernetesObject): boolean {
    const { name, namespace } = addressOf(this.#wanted);
    return metadata.name === name && metadata.namespace === namespace;
  }

  #changed(gameServer: GameServer, previous: GameServer | undefined): void {
    const { say, clock } = this.#options;
    const state = gameServer.status?.state;
    if (state === 'RequestReady') {
      if (previous?.status?.state !== state) this.#expectPings(gameServer);
    } else if (state !== this.#saidState) {
      say(`${gameServer.metadata.name} is ${state}`);
      this.#saidState = state;
    }
    const { uid, deletionTimestamp } = gameServer.metadata;
    if (deletionTimestamp === undefined || state === 'Shutdown') return;
    clock.after(0, () => {
      if (this.#current()?.metadata.uid === uid) this.#replace();
    });
  }

  #expectPings({ metadata, spec }: GameServer): void {
    const { clock, tell } = this.#options;
    const { disabled = false, periodSeconds = 0, failureThreshold = 0, initialDelaySeconds = 0 } = spec.health ?? {};
    if (disabled) return;
    this.#cancelPingCheck();
    const seconds = initialDelaySeconds + periodSeconds * failureThreshold;
    this.#cancelPingCheck = clock.after(seconds * 1000, () => {
      if (this.#server?.everPinged !== false) return;
      tell(
        `${metadata.name}: the game has not called Health() of the SDK for ${seconds} s since it is Ready\n` +
          '  here that is all; on a cluster its GameServer would be Unhealthy by now, and be replaced',
      );
    });
  }

  #current(): GameServer | undefined {
    const { name, namespace } = addressOf(this.#wanted);
    return this.#options.store.find<GameServer>('gameservers', namespace, name);
  }

  /** A new GameServer, as the file has it now, in the place of the one there is. */
  #replace(): void {
    const { store } = this.#options;
    const { name, namespace } = addressOf(this.#wanted);
    if (this.#current() !== undefined) {
      store.delete('gameservers', namespace, name);
      store.modify('gameservers', namespace, name, ({ metadata }) => {
        metadata.finalizers = [];
      });
    }
    store.create('gameservers', objectOf(this.#wanted));
  }

  /**
   * Takes over what has changed in the file since it was read last, and nothing else: what the game has set stays, be it
   * a field that the file has too, until that field changes in the file.
   */
  #reload(file: string): void {
    const { store, say, tell } = this.#options;
    const { name, namespace } = addressOf(this.#wanted);
    try {
      const read = readGameServerFile(file);
      const wanted = { ...read, metadata: { ...asJsonObject(read['metadata']), name, namespace } };
      const patch = mergePatchBetween(this.#wanted, wanted);
      if (Object.keys(patch).length === 0) return;
      const current = this.#current();
      if (current !== undefined && !isBeingDeleted(current)) {
        store.update('gameservers', objectOf(asJsonObject(applyMergePatch(fieldsOf(current), patch))));
      }
      this.#wanted = wanted;
      say(`${file} has changed: ${Object.keys(patch).join(', ')}`);
    } catch (error) {
      if (!(error instanceof GameServerFileError) && !(error instanceof StatusError)) throw error;
      tell(`${error.message}\n  the GameServer stays as it is`);
    }
  }
}

function addressOf({ metadata }: JsonObject): { name: string; namespace: string } {
  const { name, namespace } = asJsonObject(metadata);
  return { name: textOf(name), namespace: textOf(namespace) };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The store checks whether it is one. */
function objectOf(fields: JsonObject): KubernetesObject {
  return structuredClone(fields) as unknown as KubernetesObject;
}

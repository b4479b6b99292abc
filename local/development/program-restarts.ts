import { basename } from 'node:path';
import type { GameServer, GameServerSpec, KubernetesObject } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ObjectStore } from '../api/store.ts';
import { controllerOf } from '../controllers/ownership.ts';
import type { ImagePrograms } from '../node/image-programs.ts';
import { isBeingDeleted } from '../resources/game-server-state.ts';
import { FileChanges } from './file-changes.ts';

export interface ProgramRestartsOptions {
  store: ObjectStore;
  clock: Clock;
  images: ImagePrograms;
  /** Folders that are written to while GameServers run. */
  ignoredDirectories: readonly string[];
  /** Ends Allocated GameServers too: whoever plays on them is cut off. */
  restartAllocated: boolean;
  /** Before the new program starts: what its predecessor did wrong does not count. */
  beforeRestart(): void;
  /** A line about each restart, for people. */
  tell(line: string): void;
}

/**
 * Starts GameServers anew when files of their program change.
 *
 * A GameServer that is not Allocated is shut down, and its Fleet makes another, which runs the program as it is then; one of
 * no Fleet is made again by the same name. Allocated ones play on with the program they have.
 */
export class ProgramRestarts {
  readonly #options: ProgramRestartsOptions;
  readonly #changes: FileChanges[];
  readonly #unsubscribe: () => void;
  /** By uid: what is made again once it is gone. */
  readonly #madeAgain = new Map<string, GameServer>();

  constructor(options: ProgramRestartsOptions) {
    this.#options = options;
    const { store, clock, images, ignoredDirectories, tell } = options;
    this.#changes = [...images].flatMap(([image, { watch = [] }]) =>
      watch.length === 0
        ? []
        : new FileChanges({
            paths: watch,
            ignoredDirectories,
            clock,
            onChange: (paths) => {
              this.#restart(image, paths);
            },
            onFault: tell,
          }),
    );
    this.#unsubscribe = store.subscribe<GameServer>('gameservers', ({ type, object }) => {
      if (type === 'DELETED') this.#makeAgain(object);
    });
  }

  stop(): void {
    this.#unsubscribe();
    for (const changes of this.#changes) changes.stop();
    this.#madeAgain.clear();
  }

  #restart(image: string, paths: readonly string[]): void {
    const { store, restartAllocated, beforeRestart, tell } = this.#options;
    const running = store
      .list<GameServer>('gameservers')
      .filter((gameServer) => runs(gameServer, image) && !isBeingDeleted(gameServer));
    const playing = restartAllocated ? [] : running.filter(({ status }) => status?.state === 'Allocated');
    const ended = running.filter((gameServer) => !playing.includes(gameServer));
    beforeRestart();
    for (const gameServer of ended) this.#end(gameServer);
    const [first = ''] = paths;
    const what = paths.length === 1 ? basename(first) : `${basename(first)} and ${paths.length - 1} more`;
    const left = playing.length === 0 ? '' : `; Allocated and left to play on: ${playing.length}`;
    tell(`${what} changed: GameServers of ${image} start anew (${ended.length}${left})`);
  }

  #end(gameServer: GameServer): void {
    const { store } = this.#options;
    const { name, namespace = 'default', uid = '' } = gameServer.metadata;
    if (controllerOf(gameServer) === undefined) this.#madeAgain.set(uid, gameServer);
    store.modify<GameServer>('gameservers', namespace, name, (copy) => {
      copy.status = { ...copy.status, state: 'Shutdown' };
    });
  }

  #makeAgain({ metadata }: KubernetesObject): void {
    const gone = this.#madeAgain.get(metadata.uid ?? '');
    if (gone === undefined) return;
    this.#madeAgain.delete(metadata.uid ?? '');
    // Not within the write that told of it.
    this.#options.clock.after(0, () => {
      const { namespace = 'default', name } = gone.metadata;
      if (this.#options.store.find('gameservers', namespace, name) !== undefined) return;
      this.#options.store.create<GameServer>('gameservers', anew(gone));
    });
  }
}

function runs({ spec }: GameServer, image: string): boolean {
  const { containers, initContainers = [] } = spec.template.spec;
  return [...containers, ...initContainers].some((container) => container.image === image);
}

/** The GameServer as it was asked for. */
function anew({ apiVersion, kind, metadata, spec }: GameServer): GameServer {
  const { name, namespace = 'default', labels = {}, annotations = {} } = metadata;
  return { apiVersion, kind, metadata: { name, namespace, labels, annotations }, spec: withoutGivenPorts(spec) };
}

/** A port that was given out is not asked for again. */
function withoutGivenPorts(spec: GameServerSpec): GameServerSpec {
  const ports = spec.ports?.map((port) => {
    const { hostPort, ...wanted } = port;
    if (port.portPolicy === 'Passthrough') delete wanted.containerPort;
    return port.portPolicy === 'Static' && hostPort !== undefined ? port : wanted;
  });
  return { ...spec, ...(ports === undefined ? {} : { ports }) };
}

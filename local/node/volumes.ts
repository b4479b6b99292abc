import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import type { Container, Volume } from '../../lib/agones.ts';
import type { ObjectStore } from '../api/store.ts';
import type { Pod } from '../controllers/pods.ts';
import type { Mount } from './mounts.ts';
import { dataOf, PodConfigurationError } from './pod-configuration.ts';

const OWNER_ONLY_DIRECTORY = 0o700;
const OWNER_ONLY_FILE = 0o600;

/**
 * The volumes of one Pod as folders on this machine.
 *
 * ConfigMaps and Secrets become files that are replaced, each at once, when their source changes; emptyDirs are empty.
 * Whoever reads a file finds the whole old or the whole new one. Unlike a kubelet's, changes come at once, and there is no
 * moment at which all files of a volume change together.
 */
export class PodVolumes {
  readonly #store: ObjectStore;
  readonly #pod: Pod;
  readonly #directory: string;

  /** @param directory - for this Pod alone; made with the first `project`, gone with `remove` */
  constructor(store: ObjectStore, pod: Pod, directory: string) {
    this.#store = store;
    this.#pod = pod;
    this.#directory = directory;
  }

  /**
   * Brings the folders to what their sources say now.
   *
   * @throws PodConfigurationError when a source is missing, or its kind is one that has no meaning without containers
   */
  project(): void {
    for (const volume of this.#pod.spec.volumes ?? []) {
      const directory = this.#directoryOf(volume.name);
      const files = this.#filesOf(volume);
      mkdirSync(directory, { recursive: true, mode: OWNER_ONLY_DIRECTORY });
      if (files !== undefined) replaceFiles(directory, files);
    }
  }

  /** What a container's paths into volumes are on this machine. */
  mountsOf(container: Container): Mount[] {
    return (container.volumeMounts ?? []).map(({ name, mountPath, subPath = '' }) => ({
      mountPath: mountPath.replace(/\/+$/, ''),
      directory: join(this.#directoryOf(name), normalize(join('/', subPath))),
    }));
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #directoryOf(volume: string): string {
    return join(this.#directory, 'volumes', volume);
  }

  /** Undefined when the volume has no source: its content is the process's own. */
  #filesOf(volume: Volume): Map<string, Buffer> | undefined {
    const { configMap, secret } = volume;
    if (configMap !== undefined) return this.#sourceFiles(volume, 'ConfigMap', configMap.name, configMap);
    if (secret !== undefined) return this.#sourceFiles(volume, 'Secret', secret.secretName, secret);
    if (volume.emptyDir !== undefined) return undefined;
    const kinds = Object.keys(volume).filter((key) => key !== 'name');
    throw new PodConfigurationError(
      `volume ${volume.name}: ${kinds.join(', ') || 'no source'} is not supported on one machine ` +
        '(configMap, secret and emptyDir are)',
    );
  }

  #sourceFiles(
    volume: Volume,
    kind: 'ConfigMap' | 'Secret',
    name: string,
    { items, optional = false }: { items?: { key: string; path: string }[]; optional?: boolean },
  ): Map<string, Buffer> {
    const data = dataOf(this.#store, kind, this.#pod.metadata.namespace ?? '', name);
    if (data === undefined) {
      if (optional) return new Map();
      throw new PodConfigurationError(`volume ${volume.name}: ${kind.toLowerCase()} "${name}" not found`);
    }
    if (items === undefined) return data;
    const files = new Map<string, Buffer>();
    for (const { key, path } of items) {
      const content = data.get(key);
      if (path.startsWith('/') || path.split('/').includes('..')) {
        throw new PodConfigurationError(`volume ${volume.name}: the path ${path} leaves the volume`);
      }
      if (content !== undefined) files.set(path, content);
      else if (!optional) throw new PodConfigurationError(`volume ${volume.name}: ${kind} ${name} has no key ${key}`);
    }
    return files;
  }
}

function replaceFiles(directory: string, files: ReadonlyMap<string, Buffer>): void {
  const present = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const wanted = new Set([...files.keys()].map((path) => join(directory, path)));
  for (const [path, content] of files) replaceFile(join(directory, path), content, present);
  for (const path of present) if (!wanted.has(path)) rmSync(path, { force: true });
}

function replaceFile(path: string, content: Buffer, present: readonly string[]): void {
  if (present.includes(path) && readFileSync(path).equals(content)) return;
  mkdirSync(dirname(path), { recursive: true, mode: OWNER_ONLY_DIRECTORY });
  const temporary = `${path}.new`;
  writeFileSync(temporary, content, { mode: OWNER_ONLY_FILE });
  renameSync(temporary, path);
}

import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import type { Container, Volume } from '../../lib/agones.ts';
import type { ObjectStore } from '../api/store.ts';
import type { Pod } from '../controllers/pods.ts';
import { ContainerConfigError } from './environment.ts';

interface KeyedData {
  data?: Record<string, string>;
}

/**
 * The volumes of one Pod as folders of this machine: ConfigMaps and Secrets as files, emptyDir as a folder.
 *
 * A process sees the machine's own file system, so a mount path of a container cannot be where the YAML says. Instead
 * `rewrite` turns each value that names something below a mount path into the folder that stands for it.
 */
export class PodVolumes {
  readonly #pod: Pod;
  readonly #store: ObjectStore;
  readonly #directory: string;

  constructor(pod: Pod, store: ObjectStore, directory: string) {
    this.#pod = pod;
    this.#store = store;
    this.#directory = directory;
  }

  /**
   * Writes what the sources hold now; called again when one of them changes.
   *
   * @throws ContainerConfigError when a ConfigMap or Secret that is not optional is missing
   */
  async project(): Promise<void> {
    for (const volume of this.#pod.spec.volumes ?? []) {
      const folder = this.#folderOf(volume.name);
      await mkdir(folder, { recursive: true });
      for (const [path, content] of this.#filesOf(volume)) await writeWhole(safeJoin(folder, path), content);
    }
  }

  /** Whether a volume shows this ConfigMap or Secret. */
  uses(resource: 'configmaps' | 'secrets', name: string): boolean {
    return (this.#pod.spec.volumes ?? []).some(({ configMap, secret }) =>
      resource === 'configmaps' ? configMap?.name === name : secret?.secretName === name,
    );
  }

  /** A value with a mount path of the container at its front replaced by the folder of the volume. */
  rewrite(value: string, container: Container): string {
    for (const { name, mountPath, subPath } of container.volumeMounts ?? []) {
      const mount = mountPath.replace(/\/+$/, '');
      if (value !== mount && !value.startsWith(`${mount}/`)) continue;
      const folder = subPath === undefined ? this.#folderOf(name) : safeJoin(this.#folderOf(name), subPath);
      return join(folder, value.slice(mount.length));
    }
    return value;
  }

  async remove(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }

  #folderOf(volume: string): string {
    return safeJoin(this.#directory, volume);
  }

  #filesOf(volume: Volume): [string, string | Buffer][] {
    const namespace = this.#pod.metadata.namespace ?? 'default';
    if (volume.configMap !== undefined) {
      const { name, optional, items } = volume.configMap;
      const source = this.#store.find('configmaps', namespace, name) as KeyedData | undefined;
      if (source === undefined && optional !== true) throw new ContainerConfigError(`ConfigMap ${name} is not there`);
      return chosen(source?.data ?? {}, items);
    }
    if (volume.secret !== undefined) {
      const { secretName, optional, items } = volume.secret;
      const source = this.#store.find('secrets', namespace, secretName) as KeyedData | undefined;
      if (source === undefined && optional !== true)
        throw new ContainerConfigError(`Secret ${secretName} is not there`);
      return chosen(source?.data ?? {}, items).map(([path, content]) => [path, Buffer.from(content, 'base64')]);
    }
    return [];
  }
}

function chosen(data: Record<string, string>, items: { key: string; path: string }[] | undefined): [string, string][] {
  if (items === undefined) return Object.entries(data);
  return items.flatMap(({ key, path }) => {
    const content = data[key];
    return content === undefined ? [] : [[path, content] as [string, string]];
  });
}

/** Readers see the old file or the new one, never half of one. */
async function writeWhole(path: string, content: string | Buffer): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.new`;
  await writeFile(draft, content, { mode: 0o600 });
  await rename(draft, path);
}

function safeJoin(folder: string, path: string): string {
  const joined = resolve(folder, path);
  if (!joined.startsWith(resolve(folder) + sep)) throw new ContainerConfigError(`the path ${path} leaves its folder`);
  return joined;
}

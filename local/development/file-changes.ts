import { existsSync, readdirSync, statSync, watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Clock } from '../../lib/clock.ts';

export interface FileChangesOptions {
  /** Files, and folders with all that is in them. */
  paths: readonly string[];
  /** Folders within them that are not looked at, e.g. where logs are written. */
  ignoredDirectories: readonly string[];
  clock: Clock;
  /** Told once for changes that come close together, with some of the paths. */
  onChange(paths: string[]): void;
  /** Told what is not watched, and why. */
  onFault(message: string): void;
}

/** Changes are gathered until it is quiet for so long, … */
const QUIET_MS = 150;
/** … or so long in all. */
const MAX_GATHER_MS = 2000;
const MAX_TOLD_PATHS = 20;
const MAX_DIRECTORIES = 2000;

/** Made by tools beside the sources, not by who writes them: `.git`, `.game.py.swp`, `game.py~`. */
const IGNORED_NAME = /^\.|~$|^(node_modules|__pycache__)$/;

interface Watched {
  watcher: FSWatcher;
  /** Only these names in the folder count. */
  only?: Set<string>;
}

/**
 * Notices when files change, whichever way they are saved: folders are watched, never files, so a save that puts a new
 * file in place of the old one is seen, and so is a new file or folder.
 */
export class FileChanges {
  readonly #options: FileChangesOptions;
  readonly #directories = new Map<string, Watched>();
  readonly #changed = new Set<string>();
  #firstChangeMs: number | undefined;
  #cancel: () => void = () => {};
  #full = false;

  constructor(options: FileChangesOptions) {
    this.#options = options;
    for (const path of options.paths) {
      // The folder above it notices when the path itself is replaced.
      this.#watch(dirname(path), basename(path));
      if (isDirectory(path)) this.#watchTree(path);
    }
  }

  stop(): void {
    this.#cancel();
    for (const { watcher } of this.#directories.values()) watcher.close();
    this.#directories.clear();
  }

  /** @returns whether there is a file in it */
  #watchTree(directory: string): boolean {
    if (this.#options.ignoredDirectories.includes(directory)) return false;
    this.#watch(directory);
    let hasFile = false;
    for (const entry of entriesOf(directory)) {
      if (IGNORED_NAME.test(entry.name)) continue;
      if (!entry.isDirectory()) hasFile = true;
      else if (this.#watchTree(join(directory, entry.name))) hasFile = true;
    }
    return hasFile;
  }

  /** @param name - the only one that counts; without it all do */
  #watch(directory: string, name?: string): void {
    const { onFault } = this.#options;
    const known = this.#directories.get(directory);
    if (known !== undefined) {
      if (name === undefined) delete known.only;
      else known.only?.add(name);
      return;
    }
    if (this.#directories.size >= MAX_DIRECTORIES) {
      if (!this.#full) onFault(`more than ${MAX_DIRECTORIES} folders: ${directory} and others are not watched`);
      this.#full = true;
      return;
    }
    try {
      const watcher = watch(directory, (event, file) => {
        if (file !== null) this.#noticed(event, directory, file);
      });
      watcher.on('error', () => {
        this.#forget(directory);
      });
      this.#directories.set(directory, { watcher, ...(name === undefined ? {} : { only: new Set([name]) }) });
    } catch (error) {
      onFault(`${directory} is not watched: ${error instanceof Error ? error.message : 'the system refuses'}`);
    }
  }

  #noticed(event: string, directory: string, name: string): void {
    const only = this.#directories.get(directory)?.only;
    if (only === undefined ? IGNORED_NAME.test(name) : !only.has(name)) return;
    const path = join(directory, name);
    if (this.#options.ignoredDirectories.includes(path)) return;
    if (isDirectory(path)) {
      // Its files tell of themselves, but for those that came with it.
      if (event !== 'rename') return;
      this.#forgetTree(path);
      if (!this.#watchTree(path)) return;
    } else {
      this.#forgetTree(path);
    }
    this.#gather(path);
  }

  #gather(path: string): void {
    const { clock } = this.#options;
    if (this.#changed.size < MAX_TOLD_PATHS) this.#changed.add(path);
    this.#firstChangeMs ??= clock.nowMs();
    const leftMs = this.#firstChangeMs + MAX_GATHER_MS - clock.nowMs();
    this.#cancel();
    this.#cancel = clock.after(Math.max(0, Math.min(QUIET_MS, leftMs)), () => {
      // A save by way of a temporary file is told by the file it was for.
      const there = [...this.#changed].filter((path) => existsSync(path));
      const paths = there.length > 0 ? there : [...this.#changed];
      this.#changed.clear();
      this.#firstChangeMs = undefined;
      this.#options.onChange(paths);
    });
  }

  #forgetTree(path: string): void {
    const within = join(path, '/');
    for (const directory of this.#directories.keys()) {
      if (directory === path || directory.startsWith(within)) this.#forget(directory);
    }
  }

  #forget(directory: string): void {
    this.#directories.get(directory)?.watcher.close();
    this.#directories.delete(directory);
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function entriesOf(directory: string) {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    // It went in the meantime, and its parent tells of that.
    return [];
  }
}

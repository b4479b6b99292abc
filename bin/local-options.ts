import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readManifests } from './apply-manifests.ts';
import type { Manifest } from './apply-manifests.ts';
import { PROJECT_DIRECTORY } from './child-program.ts';
import { readCommand } from './command-words.ts';
import type { NamedProgram } from './command-words.ts';
import { readPort, readPortRange, UsageError } from './usage.ts';

/** Options of every command that starts Agones on this machine. */
export const LOCAL_OPTIONS = {
  'api-port': { type: 'string', default: '8090' },
  'game-ports': { type: 'string', default: '7000-8000' },
  'state-dir': { type: 'string', default: '.regatta' },
  file: { type: 'string', short: 'f', multiple: true },
  command: { type: 'string', multiple: true },
  watch: { type: 'string', multiple: true },
  'restart-allocated': { type: 'boolean', default: false },
} as const;

/** The values of LOCAL_OPTIONS, as they were given. */
interface LocalValues {
  'api-port': string;
  'game-ports': string;
  'state-dir': string;
  file?: string[] | undefined;
  command?: string[] | undefined;
  watch?: string[] | undefined;
  'restart-allocated': boolean;
}

/** Image name to the program that stands for it. */
export type ImagePrograms = Record<string, NamedProgram & { watch?: string[] }>;

export interface LocalSettings {
  apiPort: number;
  gamePorts: { first: number; last: number };
  stateDirectory: string;
  /** What `-f` names; undefined without it. */
  manifests: Manifest[] | undefined;
  images: ImagePrograms;
  restartAllocated: boolean;
}

/** The image of the boat race in fleets/base, which on one machine is a program of this checkout. */
export const BOAT_RACE_IMAGE = 'localhost/regatta-server:dev';

/** @throws UsageError */
export function readLocalOptions(values: LocalValues): LocalSettings {
  const stateDirectory = resolve(values['state-dir']);
  const named = (values.command ?? []).map((text) => readCommand(text, process.cwd()));
  const images: ImagePrograms = { ...boatRaceImage(stateDirectory), ...Object.fromEntries(named) };
  const watched = named.length === 0 ? [BOAT_RACE_IMAGE] : named.map(([image]) => image);
  for (const text of values.watch ?? []) addWatch(images, watched, text);
  return {
    apiPort: readPort('api-port', values['api-port']),
    gamePorts: readPortRange('game-ports', values['game-ports']),
    stateDirectory,
    manifests: values.file?.flatMap(readManifests),
    images,
    restartAllocated: values['restart-allocated'],
  };
}

/**
 * The boat race as a program of this checkout.
 *
 * @param environment - added to that of its GameServers
 */
export function boatRaceImage(stateDirectory: string, environment: Record<string, string> = {}): ImagePrograms {
  return {
    [BOAT_RACE_IMAGE]: {
      command: [process.execPath, 'server/main.ts'],
      cwd: PROJECT_DIRECTORY,
      env: {
        // The gateway beside it is the only one that comes.
        HOST: '127.0.0.1',
        NODE_COMPILE_CACHE: join(stateDirectory, 'compile-cache'),
        ...environment,
      },
    },
  };
}

/** `PATH` is for every program that was named, `IMAGE=PATH` for that of one image. */
function addWatch(images: ImagePrograms, named: readonly string[], text: string): void {
  const at = text.indexOf('=');
  const image = text.slice(0, Math.max(0, at));
  const isOfOne = at > 0 && image in images;
  const path = resolve(isOfOne ? text.slice(at + 1) : text);
  if (!existsSync(path)) throw new UsageError(`--watch ${text}: no such file or folder`);
  for (const name of isOfOne ? [image] : named) {
    const program = images[name];
    if (program !== undefined) program.watch = [...(program.watch ?? []), path];
  }
}

/** How `local` is told its ports, its folder, and which programs stand for images. */
export function localEnvironment(
  settings: Omit<LocalSettings, 'manifests' | 'restartAllocated'> & { restartAllocated?: boolean },
): Record<string, string> {
  return {
    LOCAL_PORT: String(settings.apiPort),
    LOCAL_STATE_DIR: join(settings.stateDirectory, 'local'),
    LOCAL_MIN_GAME_PORT: String(settings.gamePorts.first),
    LOCAL_MAX_GAME_PORT: String(settings.gamePorts.last),
    LOCAL_IMAGES: JSON.stringify(settings.images),
    LOCAL_RESTART_ALLOCATED: String(settings.restartAllocated ?? false),
  };
}

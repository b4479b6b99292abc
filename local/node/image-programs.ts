/** What stands for a container image on one machine: a program of this machine. */
export interface ImageProgram {
  /** Program and arguments; a container's own `command` and `args` take their place as on a cluster. */
  command: string[];
  /** Folder it runs in. @default the folder `local` runs in */
  cwd?: string;
  /** Environment beneath what the Pod says. */
  env?: Record<string, string>;
  /** Files and folders: when they change, its GameServers start anew. */
  watch?: string[];
}

/** Image name, as a Pod spells it, to program. */
export type ImagePrograms = ReadonlyMap<string, ImageProgram>;

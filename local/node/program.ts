import type { Container } from '../../lib/agones.ts';
import type { ImageProgram } from './image-programs.ts';
import { rewriteArgument, rewritePath } from './mounts.ts';
import type { Mount } from './mounts.ts';

/** A process to start. */
export interface Program {
  file: string;
  args: string[];
  environment: Record<string, string>;
  directory: string;
}

export interface ProgramSource {
  container: Container;
  image: ImageProgram;
  /** What every process gets, before the image and the Pod say theirs. */
  baseEnvironment: Readonly<Record<string, string>>;
  /** The variables of the container, resolved, in order. */
  variables: ReadonlyMap<string, string>;
  mounts: readonly Mount[];
  /** Where an image without a directory runs. */
  defaultDirectory: string;
}

/** The Node that `node` stands for: the one that runs `local`, whatever the PATH says. */
const NODE_PROGRAM = 'node';

/**
 * The process of a container.
 *
 * As in Kubernetes the container's `command` takes the place of the image's, `args` follow it, and `$(NAME)` in both is
 * replaced. Paths within a mounted volume are rewritten to where the volume lies on this machine. A `workingDir` counts
 * only within a volume: elsewhere it names a place inside the image.
 */
export function programOf(source: ProgramSource): Program {
  const { container, image, mounts } = source;
  const environment: Record<string, string> = { ...source.baseEnvironment, ...image.env };
  for (const [name, value] of source.variables) environment[name] = rewritePath(value, mounts);
  const [file = '', ...args] = [...(container.command ?? image.command), ...(container.args ?? [])]
    .map((text) => expandVariables(text, environment))
    .map((text) => rewriteArgument(text, mounts));
  return {
    file: file === NODE_PROGRAM ? process.execPath : file,
    args,
    environment,
    directory: workingDirectory(container, mounts) ?? image.cwd ?? source.defaultDirectory,
  };
}

/**
 * Replaces `$(NAME)` by the variable where there is one; `$$` is a plain `$`.
 *
 * Source: Kubernetes, dependent environment variables.
 */
export function expandVariables(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\$|\$\(([^()]*)\)/g, (found, name: string | undefined) =>
    name === undefined ? '$' : (variables[name] ?? found),
  );
}

function workingDirectory(container: Container, mounts: readonly Mount[]): string | undefined {
  const wanted = container['workingDir'];
  if (typeof wanted !== 'string') return undefined;
  const rewritten = rewritePath(wanted, mounts);
  return rewritten === wanted ? undefined : rewritten;
}

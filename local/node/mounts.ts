import { join } from 'node:path';

/** Where a path inside a container lies on this machine. */
export interface Mount {
  /** As the container says it, without a slash at its end. */
  mountPath: string;
  directory: string;
}

/** A path that is a mount's or lies under it, as it is on this machine; any other text as it is. */
export function rewritePath(text: string, mounts: readonly Mount[]): string {
  const mount = mounts
    .filter(({ mountPath }) => text === mountPath || text.startsWith(`${mountPath}/`))
    .toSorted((a, b) => b.mountPath.length - a.mountPath.length)[0];
  return mount === undefined ? text : join(mount.directory, text.slice(mount.mountPath.length));
}

const FLAG_WITH_VALUE = /^(--?[\w.-]+=)(.*)$/s;

/** The same for an argument, which may also be a flag with a path after `=`. */
export function rewriteArgument(text: string, mounts: readonly Mount[]): string {
  const flag = FLAG_WITH_VALUE.exec(text);
  if (flag === null) return rewritePath(text, mounts);
  return `${flag[1] ?? ''}${rewritePath(flag[2] ?? '', mounts)}`;
}

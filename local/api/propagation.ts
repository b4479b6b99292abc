import type { DeleteOptions } from './store.ts';

/** Holds a deleted object until the garbage collector has made orphans of what it owns. */
export const ORPHAN_FINALIZER = 'orphan';

/** Holds a deleted object until what it owns is gone. */
export const FOREGROUND_FINALIZER = 'foregroundDeletion';

/**
 * The finalizers of an object as a delete of this policy leaves them: what is to become of what it owns stays the
 * garbage collector's to do. Without a policy those there are decide.
 */
export function finalizersAfterDelete(
  finalizers: readonly string[] | undefined,
  policy: DeleteOptions['propagationPolicy'],
): string[] {
  const all = [...(finalizers ?? [])];
  if (policy === undefined) return all;
  const others = all.filter((one) => one !== ORPHAN_FINALIZER && one !== FOREGROUND_FINALIZER);
  if (policy === 'Background') return others;
  return [...others, policy === 'Orphan' ? ORPHAN_FINALIZER : FOREGROUND_FINALIZER];
}

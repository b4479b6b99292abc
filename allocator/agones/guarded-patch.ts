import { KubernetesRefusal } from '../allocation/ports.ts';
import { CallError, GAME_SERVERS } from './kubernetes-connection.ts';
import type { KubernetesCalls } from './kubernetes-connection.ts';

/**
 * What came of a patch. `Refuted`: one of its tests did not hold, or the GameServer has gone; nothing was changed.
 * `Unavailable`: it was not carried out. `Unknown`: nobody can tell.
 */
export type PatchOutcome =
  { state: 'Done'; object: unknown } | { state: 'Refuted' } | { state: 'Unavailable' } | { state: 'Unknown' };

/**
 * Patches a GameServer by operations of which some are tests, so that all is done or nothing.
 *
 * @throws KubernetesRefusal when Kubernetes does not accept what we send
 */
export async function guardedPatch(
  connection: Pick<KubernetesCalls, 'patch'>,
  gameServerName: string,
  operations: readonly object[],
): Promise<PatchOutcome> {
  try {
    return { state: 'Done', object: await connection.patch(GAME_SERVERS, gameServerName, operations) };
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    if (error.fault === 'lost') return { state: 'Unknown' };
    // 422: a test did not hold.
    if (error.fault === 'not_found' || error.fault === 'conflict' || error.status === 422) return { state: 'Refuted' };
    if (error.fault === 'refused') throw new KubernetesRefusal(error.message, { cause: error });
    return { state: 'Unavailable' };
  }
}

import type { GameServerAllocation } from '../../lib/agones.ts';

/** Allocates of namespace `default` by the Kubernetes API at a URL, as a matchmaker does. */
export async function allocate(
  apiUrl: string,
  spec: GameServerAllocation['spec'] = {},
): Promise<NonNullable<GameServerAllocation['status']>> {
  const answer = await fetch(`${apiUrl}/apis/allocation.agones.dev/v1/namespaces/default/gameserverallocations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ spec }),
    signal: AbortSignal.timeout(10_000),
  });
  const { status } = (await answer.json()) as GameServerAllocation;
  if (status === undefined) throw new Error(`the allocation was answered with ${answer.status}`);
  return status;
}

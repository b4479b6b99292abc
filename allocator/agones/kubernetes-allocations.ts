import { AGONES } from '../../lib/agones.ts';
import type { GameServerAllocation, GameServerSelector, LabelSelector } from '../../lib/agones.ts';
import { GAME_LABEL, REGION_LABEL } from '../../lib/session.ts';
import type { ClaimOrder, ClaimTerms } from '../allocation/claims.ts';
import { KubernetesRefusal } from '../allocation/ports.ts';
import type { AllocationOrder, AllocationOutcome, GameServerAllocations } from '../allocation/ports.ts';
import type { ClaimMaker } from './claimed-game-servers.ts';
import { CallError, GAME_SERVER_ALLOCATIONS } from './kubernetes-connection.ts';
import type { KubernetesConnection } from './kubernetes-connection.ts';
import { claimMarks, sessionMarks } from './marks.ts';
import type { Marks } from './marks.ts';
import { allocationAnswerSchema } from './wire.ts';

/** GameServerAllocations through the Kubernetes API. */
export class KubernetesAllocations implements GameServerAllocations, ClaimMaker {
  readonly #connection: KubernetesConnection;

  constructor(connection: KubernetesConnection) {
    this.#connection = connection;
  }

  allocate(order: AllocationOrder): Promise<AllocationOutcome> {
    return this.#send(order, sessionMarks(order.session));
  }

  claim(order: ClaimOrder, terms: ClaimTerms): Promise<AllocationOutcome> {
    const anywhere = { fleet: undefined, preferredRegions: [], ...order };
    return this.#send(anywhere, claimMarks(terms));
  }

  #send(order: Omit<AllocationOrder, 'session'>, marks: Marks): Promise<AllocationOutcome> {
    // Without a selector Agones would give any GameServer there is.
    if (order.fleetGroups?.length === 0) return Promise.resolve({ state: 'UnAllocated' });
    return sendAllocation(this.#connection, allocationFor(order, marks));
  }
}

/**
 * Sends one GameServerAllocation.
 *
 * @throws KubernetesRefusal when Kubernetes does not accept what we send
 */
export async function sendAllocation(
  connection: KubernetesConnection,
  allocation: Omit<GameServerAllocation, 'metadata'>,
): Promise<AllocationOutcome> {
  let raw: unknown;
  try {
    raw = await connection.create(GAME_SERVER_ALLOCATIONS, allocation);
  } catch (error) {
    return outcomeOf(error);
  }
  const parsed = allocationAnswerSchema.safeParse(raw);
  // HTTP 201 alone says nothing; an answer without a state may stand for an allocation all the same.
  if (!parsed.success) return { state: 'Unknown' };
  const { state, gameServerName } = parsed.data.status;
  if (state !== 'Allocated') return { state };
  if (typeof gameServerName !== 'string' || gameServerName === '') return { state: 'Unknown' };
  return { state, gameServerName };
}

/** Selects the GameServers of any of these Fleets. */
export function inFleets(fleets: readonly string[]): NonNullable<LabelSelector['matchExpressions']> {
  return [{ key: AGONES.fleetLabel, operator: 'In', values: [...fleets] }];
}

/** The GameServerAllocation that an order asks for. */
export function allocationFor(
  order: Omit<AllocationOrder, 'session'>,
  marks: Marks,
): Omit<GameServerAllocation, 'metadata'> {
  const matchLabels = {
    [GAME_LABEL]: order.game,
    ...(order.fleet === undefined ? {} : { [AGONES.fleetLabel]: order.fleet }),
  };
  const { preferredRegions, fleetGroups = [undefined] } = order;
  const selectors = fleetGroups.flatMap((group): GameServerSelector[] => {
    const ofGroup = group === undefined ? {} : { matchExpressions: inFleets(group) };
    const anywhere: GameServerSelector = { matchLabels, ...ofGroup, gameServerState: 'Ready' };
    const preferred = preferredRegions.map((region): GameServerSelector => {
      return { ...anywhere, matchLabels: { ...matchLabels, [REGION_LABEL]: region } };
    });
    return [...preferred, anywhere];
  });
  return {
    apiVersion: 'allocation.agones.dev/v1',
    kind: 'GameServerAllocation',
    spec: {
      selectors,
      metadata: { ...marks },
    },
  };
}

function outcomeOf(error: unknown): AllocationOutcome {
  if (!(error instanceof CallError)) throw error;
  switch (error.fault) {
    case 'lost':
      // Among them is Agones' 500 after five failed updates, of which the last may have come through.
      return { state: 'Unknown' };
    case 'conflict':
      return { state: 'Contention' };
    case 'not_sent':
    case 'busy':
    case 'not_found':
      // 404: the aggregated API is not registered, as while Agones is installed.
      return { state: 'Unavailable' };
    case 'refused':
      throw new KubernetesRefusal(error.message, { cause: error });
  }
}

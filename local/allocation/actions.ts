import type { GameServer, GameServerAllocation } from '../../lib/agones.ts';
import { ownValue } from '../api/json.ts';

type Spec = GameServerAllocation['spec'];
type CounterAction = NonNullable<Spec['counters']>[string];
type ListAction = NonNullable<Spec['lists']>[string];

const MAX_LIST_CAPACITY = 1000;

/** What could not be done; the allocation succeeds all the same, and events tell of it. */
export interface ActionFaults {
  counters: string[];
  lists: string[];
}

/**
 * Carries out a request's actions on Counters and Lists.
 *
 * What is out of range is cut off, silently: counts to 0 and the capacity, added values to the room there is.
 *
 * Source: Agones 1.57, `CounterActions` and `ListActions`; recorded.
 *
 * @param gameServer - changed in place
 */
export function applyActions(spec: Spec, gameServer: GameServer): ActionFaults {
  const faults: ActionFaults = { counters: [], lists: [] };
  for (const [name, action] of Object.entries(spec.counters ?? {})) {
    faults.counters.push(...applyCounterAction(name, action, gameServer));
  }
  for (const [name, action] of Object.entries(spec.lists ?? {})) {
    faults.lists.push(...applyListAction(name, action, gameServer));
  }
  return faults;
}

function applyCounterAction(
  name: string,
  { action, amount, capacity }: CounterAction,
  gameServer: GameServer,
): string[] {
  const counter = ownValue(gameServer.status?.counters, name);
  if (counter === undefined) {
    const asked = capacity !== undefined || (action !== undefined && amount !== undefined);
    return asked ? [`Counter ${name} is not on the GameServer`] : [];
  }
  const faults: string[] = [];
  if (capacity !== undefined && capacity < 0) faults.push(`Counter ${name}: the capacity ${capacity} is below 0`);
  else if (capacity !== undefined) {
    counter.capacity = capacity;
    counter.count = Math.min(counter.count ?? 0, capacity);
  }
  if (action === undefined || amount === undefined) return faults;
  if (action !== 'Increment' && action !== 'Decrement') {
    return [...faults, `Counter ${name}: the action ${action} is neither Increment nor Decrement`];
  }
  if (amount < 0) return [...faults, `Counter ${name}: the amount ${amount} is below 0`];
  const count = (counter.count ?? 0) + (action === 'Increment' ? amount : -amount);
  counter.count = Math.max(0, Math.min(count, counter.capacity ?? 0));
  return faults;
}

/** Values are added before others are deleted: a deletion makes no room for an addition of the same request. */
function applyListAction(name: string, action: ListAction, gameServer: GameServer): string[] {
  const { capacity, addValues = [], deleteValues = [] } = action;
  const list = ownValue(gameServer.status?.lists, name);
  if (list === undefined) {
    const asked = capacity !== undefined || addValues.length > 0 || deleteValues.length > 0;
    return asked ? [`List ${name} is not on the GameServer`] : [];
  }
  const faults: string[] = [];
  if (capacity !== undefined && (capacity < 0 || capacity > MAX_LIST_CAPACITY)) {
    faults.push(`List ${name}: the capacity ${capacity} is not within 0 and ${MAX_LIST_CAPACITY}`);
  } else if (capacity !== undefined) {
    list.capacity = capacity;
  }
  const values = [...new Set([...(list.values ?? []), ...addValues])].slice(0, list.capacity ?? 0);
  const deleted = new Set(deleteValues);
  list.values = values.filter((value) => !deleted.has(value));
  return faults;
}

import type { CounterStatus, GameServerStatus, ListStatus } from '../../lib/agones.ts';
import { ownValue } from '../api/json.ts';
import { GRPC_CODE, SdkError } from './sdk-error.ts';

/** A Counter as the SDK answers it. */
export interface SdkCounter {
  name: string;
  count: number;
  capacity: number;
}

/** A List as the SDK answers it. */
export interface SdkList {
  name: string;
  capacity: number;
  values: string[];
}

export interface CounterUpdate {
  name: string;
  /** Absolute; absent leaves it. */
  count?: number | undefined;
  /** Absolute; absent leaves it. */
  capacity?: number | undefined;
  /** Relative; 0 leaves it. */
  countDiff: number;
}

/** An update of fields of a List, as it is sent. */
export interface ListUpdate {
  name: string;
  capacity: number;
  values: string[];
  /** The fields that are to be set; with none, which is what Agones' own SDK for Node sends, those that say something. */
  paths: readonly string[];
}

/** What an update may set. */
export const LIST_FIELDS: readonly string[] = ['name', 'capacity', 'values'];

/** As the schema of a GameServer has it. */
const MAX_LIST_CAPACITY = 1000;

interface PendingCounter {
  count?: number;
  capacity?: number;
  diff: number;
}

interface PendingList {
  append: string[];
  remove: Set<string>;
}

function projectCounter(stored: CounterStatus, pending: PendingCounter): { count: number; capacity: number } {
  const capacity = pending.capacity ?? stored.capacity ?? 0;
  const count = (pending.count ?? stored.count ?? 0) + pending.diff;
  return { count: Math.max(0, Math.min(count, capacity)), capacity };
}

function projectList(stored: ListStatus, pending: PendingList): { capacity: number; values: string[] } {
  const capacity = stored.capacity ?? 0;
  const kept = (stored.values ?? []).filter((value) => !pending.remove.has(value));
  return { capacity, values: [...new Set([...kept, ...pending.append])].slice(0, capacity) };
}

/** @throws SdkError unless it is within 0 and capacity */
function checkCount(count: number, capacity: number): void {
  if (count >= 0 && count <= capacity) return;
  throw unknownError(
    `out of range. Count must be within range [0,Capacity]. Found Count: ${count}, Capacity: ${capacity}`,
  );
}

/**
 * A List with what an update says put in; values beyond the capacity are cut off.
 *
 * @throws SdkError when the capacity cannot be
 */
export function updatedList(list: SdkList, update: ListUpdate): SdkList {
  const isSet = (path: string, saysSomething: boolean): boolean =>
    update.paths.length === 0 ? saysSomething : update.paths.includes(path);
  const capacity = isSet('capacity', update.capacity !== 0) ? update.capacity : list.capacity;
  const values = isSet('values', update.values.length > 0) ? update.values : list.values;
  if (capacity < 0 || capacity > MAX_LIST_CAPACITY) {
    throw unknownError(
      `out of range. Capacity must be within range [0,${MAX_LIST_CAPACITY}]. Found Capacity: ${capacity}`,
    );
  }
  return { name: list.name, capacity, values: [...new Set(values)].slice(0, capacity) };
}

function unknownError(message: string): SdkError {
  return new SdkError(GRPC_CODE.unknown, message);
}

/**
 * The changes to Counters and Lists that a game asked for and that are not written yet.
 *
 * Reads see them. Each change is checked against what is stored and pending at that moment; when they are written the
 * object may have changed, and then counts and lists are cut to their capacity, without a word to the game.
 *
 * Source: Agones 1.57, `pkg/sdkserver/sdkserver.go`, including what it answers to a removal of a value that was not yet
 * written: the list as it was before.
 */
export class CountersAndLists {
  readonly #counters = new Map<string, PendingCounter>();
  readonly #lists = new Map<string, PendingList>();

  /** @throws SdkError */
  counter(status: GameServerStatus | undefined, name: string): SdkCounter {
    const stored = ownValue(status?.counters, name);
    if (stored === undefined) throw unknownError(`counter not found: ${name}`);
    return { name, ...projectCounter(stored, this.#counters.get(name) ?? { diff: 0 }) };
  }

  /** @throws SdkError, leaving what was pending as it was */
  updateCounter(status: GameServerStatus | undefined, update: CounterUpdate): SdkCounter {
    const { name, count, capacity, countDiff } = update;
    if (countDiff === 0 && count === undefined && capacity === undefined) {
      throw unknownError(`invalid argument. Malformed CounterUpdateRequest: name:${JSON.stringify(name)}`);
    }
    const stored = ownValue(status?.counters, name);
    if (stored === undefined) throw unknownError(`counter not found: ${name}`);
    if (capacity !== undefined && capacity < 0) {
      throw unknownError(`out of range. Capacity must be greater than or equal to 0. Found Capacity: ${capacity}`);
    }
    const pending: PendingCounter = { ...(this.#counters.get(name) ?? { diff: 0 }) };
    if (capacity !== undefined) pending.capacity = capacity;
    if (count !== undefined) {
      pending.count = count;
      pending.diff = 0;
    }
    pending.diff += countDiff;
    const effectiveCapacity = pending.capacity ?? stored.capacity ?? 0;
    // A count that is set must fit by itself, whatever a difference beside it would make of it.
    if (count !== undefined) checkCount(count, effectiveCapacity);
    if (countDiff !== 0) checkCount((pending.count ?? stored.count ?? 0) + pending.diff, effectiveCapacity);
    this.#counters.set(name, pending);
    return { name, ...projectCounter(stored, pending) };
  }

  /** @throws SdkError */
  list(status: GameServerStatus | undefined, name: string): SdkList {
    const stored = ownValue(status?.lists, name);
    if (stored === undefined) throw unknownError(`list not found: ${name}`);
    return { name, ...projectList(stored, this.#pendingList(name)) };
  }

  /** @throws SdkError when the list is full or has the value */
  addValue(status: GameServerStatus | undefined, name: string, value: string): SdkList {
    const list = this.list(status, name);
    if (list.capacity <= list.values.length) {
      throw unknownError(
        `out of range. No available capacity. Current Capacity: ${list.capacity}, List Size: ${list.values.length}`,
      );
    }
    if (list.values.includes(value)) throw unknownError(`already exists. Value: ${value} already in List: ${name}`);
    const pending = this.#pendingList(name);
    this.#lists.set(name, { ...pending, append: [...pending.append, value] });
    return { ...list, values: [...list.values, value] };
  }

  /** @throws SdkError when the list does not have the value */
  removeValue(status: GameServerStatus | undefined, name: string, value: string): SdkList {
    const list = this.list(status, name);
    const pending = this.#pendingList(name);
    if (pending.append.includes(value)) {
      this.#lists.set(name, { ...pending, append: pending.append.filter((other) => other !== value) });
      return list;
    }
    if (!list.values.includes(value)) throw unknownError(`not found: value ${value} not in list ${name}`);
    this.#lists.set(name, { ...pending, remove: new Set([...pending.remove, value]) });
    return { ...list, values: list.values.filter((other) => other !== value) };
  }

  /** Writes the pending Counters into `status`; they are pending until `countersWritten`. */
  applyCounters(status: GameServerStatus): SdkCounter[] {
    const written: SdkCounter[] = [];
    for (const [name, pending] of this.#counters) {
      const stored = ownValue(status.counters, name);
      if (stored === undefined) continue;
      const projected = projectCounter(stored, pending);
      Object.assign(stored, projected);
      written.push({ name, ...projected });
    }
    return written;
  }

  countersWritten(): void {
    this.#counters.clear();
  }

  /** Writes the pending Lists into `status`; they are pending until `listsWritten`. */
  applyLists(status: GameServerStatus): SdkList[] {
    const written: SdkList[] = [];
    for (const [name, pending] of this.#lists) {
      const stored = ownValue(status.lists, name);
      if (stored === undefined) continue;
      const projected = projectList(stored, pending);
      Object.assign(stored, projected);
      written.push({ name, ...projected });
    }
    return written;
  }

  listsWritten(): void {
    this.#lists.clear();
  }

  #pendingList(name: string): PendingList {
    return this.#lists.get(name) ?? { append: [], remove: new Set() };
  }
}

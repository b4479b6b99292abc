import { AGONES } from '../../../lib/agones.ts';
import type { Fleet, GameServer } from '../../../lib/agones.ts';
import type { TestCluster } from './test-cluster.ts';

/** How many GameServers a Fleet may have while it is updated. */
interface Limit {
  replicas: number;
  surge: number;
  /** Recreate makes the new ones whatever there is of the old, and so does a Fleet that follows one of its name. */
  isOff: boolean;
}

/** Notes what must never happen, whatever does. */
export class Watchman {
  readonly faults: string[] = [];
  /** Those somebody outside has given up: the game, or who deletes through the API. */
  readonly #givenUp = new Set<string>();
  readonly #holders = new Map<number, string>();
  readonly #limits = new Map<string, Limit>();
  /** Those of each Fleet that are neither broken nor going, and were never in use: these are what a Fleet has to count. */
  readonly #counted = new Map<string, Set<string>>();
  readonly #everHeld = new Set<string>();

  constructor({ store }: TestCluster) {
    store.subscribe<Fleet>('fleets', ({ type, object }) => {
      this.#noteLimit(type, object);
    });
    store.subscribe<GameServer>('gameservers', ({ type, object, previous }) => {
      this.#watchPorts(type, object);
      this.#watchHeld(type, object, previous);
      this.#watchSurge(type, object);
    });
  }

  /** From now on this one may be removed whatever its state. */
  giveUp({ metadata }: Pick<GameServer, 'metadata'>): void {
    this.#givenUp.add(metadata.name);
  }

  #watchHeld(type: string, object: GameServer, previous: GameServer | undefined): void {
    const { name } = object.metadata;
    if (isHeld(object)) this.#everHeld.add(name);
    if (previous === undefined || !isHeld(previous) || isGoing(previous) || this.#givenUp.has(name)) return;
    if (type === 'DELETED' || isGoing(object))
      this.faults.push(`${name} was ${previous.status?.state} and was removed`);
  }

  /** A port chosen by hand may be had by several; every other is one GameServer's until that is gone. */
  #watchPorts(type: string, { metadata: { name }, spec }: GameServer): void {
    for (const { hostPort, portPolicy } of spec.ports ?? []) {
      if (hostPort === undefined || portPolicy === 'Static') continue;
      const holder = this.#holders.get(hostPort);
      if (holder !== undefined && holder !== name) this.faults.push(`${hostPort} is ${holder}'s and ${name}'s`);
      if (type === 'DELETED') this.#holders.delete(hostPort);
      else this.#holders.set(hostPort, name);
    }
  }

  /** The largest that ever held counts: what was made under it may still be there. */
  #noteLimit(type: string, { metadata: { name }, spec }: Fleet): void {
    const before = this.#limits.get(name) ?? { replicas: 0, surge: 0, isOff: false };
    const replicas = Math.max(before.replicas, spec.replicas);
    const isOff = before.isOff || type === 'DELETED' || spec.strategy?.type === 'Recreate';
    const maxSurge = spec.strategy?.rollingUpdate?.maxSurge ?? 0;
    const surge = typeof maxSurge === 'number' ? maxSurge : Math.ceil((Number.parseInt(maxSurge, 10) * replicas) / 100);
    this.#limits.set(name, { replicas, surge: Math.max(before.surge, surge), isOff });
  }

  #watchSurge(type: string, gameServer: GameServer): void {
    const { name, labels } = gameServer.metadata;
    const fleet = labels?.[AGONES.fleetLabel] ?? '';
    const counted = this.#counted.get(fleet) ?? new Set();
    this.#counted.set(fleet, counted);
    const isBroken = gameServer.status?.state === 'Unhealthy';
    const isOut = type === 'DELETED' || isGoing(gameServer) || isBroken || this.#everHeld.has(name);
    if (isOut) counted.delete(name);
    else counted.add(name);
    const limit = this.#limits.get(fleet);
    if (limit === undefined || limit.isOff || counted.size <= limit.replicas + limit.surge) return;
    this.faults.push(
      `${fleet} has ${counted.size} GameServers, ${limit.replicas} are wanted and ${limit.surge} may be more`,
    );
  }
}

function isHeld({ status }: GameServer): boolean {
  return status?.state === 'Allocated' || status?.state === 'Reserved';
}

function isGoing({ metadata, status }: GameServer): boolean {
  return metadata.deletionTimestamp !== undefined || status?.state === 'Shutdown';
}

import type { GameServer } from '../../../lib/agones.ts';
import type { TestCluster } from './test-cluster.ts';

/** Notes what must never happen, whatever does. */
export class Watchman {
  readonly faults: string[] = [];
  /** Those somebody outside has given up: the game, or who deletes through the API. */
  readonly #givenUp = new Set<string>();
  readonly #holders = new Map<number, string>();

  constructor(cluster: TestCluster) {
    cluster.store.subscribe<GameServer>('gameservers', ({ type, object, previous }) => {
      this.#watchPorts(type, object);
      const before = previous?.status?.state;
      const isHeld = before === 'Allocated' || before === 'Reserved';
      const ends = type === 'DELETED' || isGoing(object);
      if (isHeld && previous !== undefined && !isGoing(previous) && ends && !this.#givenUp.has(object.metadata.name)) {
        this.faults.push(`${object.metadata.name} was ${before} and was removed`);
      }
    });
  }

  /** From now on this one may be removed whatever its state. */
  giveUp({ metadata }: Pick<GameServer, 'metadata'>): void {
    this.#givenUp.add(metadata.name);
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
}

function isGoing({ metadata, status }: GameServer): boolean {
  return metadata.deletionTimestamp !== undefined || status?.state === 'Shutdown';
}

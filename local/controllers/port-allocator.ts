import type { PortProtocol } from '../../lib/agones.ts';

/** Whether nothing on this machine listens on the port. */
export type IsPortFree = (port: number, protocol: PortProtocol) => Promise<boolean>;

export interface PortAllocatorOptions {
  /** First port given out. */
  minPort: number;
  /** Last port given out. */
  maxPort: number;
  /** A number in [0, 1). */
  random(): number;
}

/**
 * Which GameServer holds which host port of this machine.
 *
 * A port is given to one holder and to no other until that one lets go. Ports that were chosen by hand (`Static`) may
 * be held by several, as Agones does not check them, but are never given out.
 */
export class PortAllocator {
  readonly #holders = new Map<number, Set<string>>();
  readonly #ports = new Map<string, Set<number>>();
  readonly #options: PortAllocatorOptions;

  constructor(options: PortAllocatorOptions) {
    this.#options = options;
  }

  /**
   * Gives the holder a port that nobody holds, from a random place in the range on.
   *
   * @param except - ports not to take
   * @returns undefined when all are held
   */
  take(holder: string, except: ReadonlySet<number> = new Set()): number | undefined {
    const { minPort, maxPort, random } = this.#options;
    const count = maxPort - minPort + 1;
    const start = Math.floor(random() * count);
    for (let step = 0; step < count; step += 1) {
      const port = minPort + ((start + step) % count);
      if (this.#holders.has(port) || except.has(port)) continue;
      this.hold(holder, port);
      return port;
    }
    return undefined;
  }

  /** Notes that the holder has this port, whoever else does. */
  hold(holder: string, port: number): void {
    addTo(this.#holders, port, holder);
    addTo(this.#ports, holder, port);
  }

  /** Lets go of one port. */
  releasePort(holder: string, port: number): void {
    removeFrom(this.#holders, port, holder);
    removeFrom(this.#ports, holder, port);
  }

  /** Lets go of all that the holder has. */
  release(holder: string): void {
    for (const port of this.#ports.get(holder) ?? []) removeFrom(this.#holders, port, holder);
    this.#ports.delete(holder);
  }

  /** The ports the holder has. */
  portsOf(holder: string): number[] {
    return [...(this.#ports.get(holder) ?? [])];
  }
}

function addTo<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, new Set([value]));
  else values.add(value);
}

function removeFrom<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const values = map.get(key);
  values?.delete(value);
  if (values?.size === 0) map.delete(key);
}

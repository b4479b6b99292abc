import type { Draining, FleetDrain } from '../draining.ts';

/** Drains Fleets of one name in every cluster that has one. */
export class DrainingAcrossClusters {
  readonly #clusters: readonly Pick<Draining, 'drainFleet'>[];

  constructor(clusters: readonly Pick<Draining, 'drainFleet'>[]) {
    this.#clusters = clusters;
  }

  /** @throws KubernetesRefusal when Kubernetes does not accept what we send */
  async drainFleet(fleet: string): Promise<FleetDrain> {
    const sum: FleetDrain = { marked: 0, already: 0, left: 0 };
    for (const { marked, already, left } of await Promise.all(this.#clusters.map((each) => each.drainFleet(fleet)))) {
      sum.marked += marked;
      sum.already += already;
      sum.left += left;
    }
    return sum;
  }
}

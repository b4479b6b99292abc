import type { GameServer } from '../../../lib/agones.ts';
import { ManualClock } from '../../../lib/clock.ts';
import { silentLogger } from '../../../lib/logger.ts';
import { createObjectStore } from '../../api/memory-store.ts';
import type { ObjectStore } from '../../api/store.ts';
import { resourceDefinitions } from '../../resources/resource-definitions.ts';
import type { SdkServer } from '../sdk-server.ts';
import { Sidecars } from '../sidecars.ts';

/** Events as `type reason: message`. */
export type RecordedEvents = string[];

/** A GameServer in a store and its SDK server, on a clock of one's own. */
export class SdkFixture {
  readonly clock = new ManualClock(Date.UTC(2026, 0, 1));
  readonly events: RecordedEvents = [];
  readonly store: ObjectStore;
  readonly sidecar: SdkServer;
  readonly #sidecars: Sidecars;

  private constructor(
    parts: Pick<SdkFixture, 'store' | 'clock' | 'events'> & { sidecar: SdkServer; sidecars: Sidecars },
  ) {
    this.clock = parts.clock;
    this.events = parts.events;
    this.store = parts.store;
    this.sidecar = parts.sidecar;
    this.#sidecars = parts.sidecars;
  }

  static async start(spec: Partial<GameServer['spec']> = {}): Promise<SdkFixture> {
    const clock = new ManualClock(Date.UTC(2026, 0, 1));
    const store = createObjectStore(resourceDefinitions, { clock, logger: silentLogger });
    store.create('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
    store.create<GameServer>('gameservers', {
      apiVersion: 'agones.dev/v1',
      kind: 'GameServer',
      metadata: { name: 'yacht', namespace: 'default', labels: { fleet: 'harbour' } },
      spec: {
        template: { spec: { containers: [{ name: 'game', image: 'game:1' }] } },
        counters: { rooms: { count: 1, capacity: 10 } },
        lists: { players: { capacity: 2, values: [] } },
        ...spec,
      },
    });
    const events: RecordedEvents = [];
    const sidecars = new Sidecars({
      store,
      clock,
      record: (_about, type, reason, message) => {
        events.push(`${type} ${reason}: ${message}`);
      },
      writeIntervalMs: 500,
    });
    const fixture = new SdkFixture({
      clock,
      events,
      store,
      sidecars,
      sidecar: await sidecars.open('default', 'yacht'),
    });
    fixture.setState('Scheduled');
    return fixture;
  }

  get gameServer(): GameServer {
    return this.store.get<GameServer>('gameservers', 'default', 'yacht');
  }

  get state(): string | undefined {
    return this.gameServer.status?.state;
  }

  /** What a controller or an allocation does. */
  setState(state: NonNullable<GameServer['status']>['state']): void {
    this.store.modify<GameServer>('gameservers', 'default', 'yacht', (copy) => {
      copy.status = {
        ...copy.status,
        state,
        address: '127.0.0.1',
        addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
        ports: [{ name: 'ws', port: 7001 }],
      };
    });
  }

  /** Lets the queued changes be written. */
  flush(): void {
    this.clock.advance(500);
  }

  async stop(): Promise<void> {
    await this.sidecar.close();
    this.#sidecars.stop();
  }
}

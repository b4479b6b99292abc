import fc from 'fast-check';
import { Connection, MachineClock, STEP_MS, World } from '../testing/store-world.ts';
import { StoreLease } from './lease.ts';

const LEASE_MS = 1000;

let processes = 0;

class Replica {
  readonly clock: MachineClock;
  readonly connection: Connection;
  readonly lease: StoreLease;
  readonly seenAlive: string[] = [];

  constructor(world: World, options: { offsetMs?: number; rate?: number; name?: string } = {}) {
    this.clock = new MachineClock(world.time, options.offsetMs ?? 0, options.rate ?? 1);
    this.connection = new Connection(world, this.clock);
    processes += 1;
    this.lease = new StoreLease({
      store: this.connection,
      clock: this.clock,
      random: () => (processes * 0.37) % 1,
      name: 'lease/reaper',
      processId: `process-${processes}`,
      replica: options.name ?? `replica-${processes}`,
      leaseMs: LEASE_MS,
      onOtherAlive: (replica) => this.seenAlive.push(replica),
    });
    this.lease.start();
  }

  /** No timer of it runs ever again. */
  kill(): void {
    this.clock.isStalled = true;
    this.connection.unbrokenSinceMs = Number.POSITIVE_INFINITY;
  }
}

describe('a lease', () => {
  it('is held by one, as long as they live', async () => {
    const world = new World();
    const replicas = [new Replica(world, { name: 'a' }), new Replica(world, { name: 'b' })];
    await world.pass(LEASE_MS * 2);
    const first = replicas.findIndex(({ lease }) => lease.isHeld);
    expect(first).toBeGreaterThanOrEqual(0);
    await world.pass(LEASE_MS * 5, () => {
      expect(replicas.map(({ lease }) => lease.isHeld)).toEqual(replicas.map((_, index) => index === first));
    });
    const second = replicas[1 - first]!;
    expect(second.lease.isOthers).toBe(true);
    expect(new Set(second.seenAlive)).toEqual(new Set([first === 0 ? 'a' : 'b']));
  });

  it('is had at once by another one when it is given up', async () => {
    const world = new World();
    const first = new Replica(world);
    await world.pass(LEASE_MS * 2);
    const second = new Replica(world);
    await world.pass(LEASE_MS * 2);
    expect([first.lease.isHeld, second.lease.isHeld]).toEqual([true, false]);
    await first.lease.close();
    expect(first.lease.isHeld).toBe(false);
    await world.pass(LEASE_MS / 2);
    expect(second.lease.isHeld).toBe(true);
  });

  it('is taken over from a holder who died, and not before a whole lease is over', async () => {
    const world = new World();
    const first = new Replica(world);
    await world.pass(LEASE_MS * 2);
    const second = new Replica(world);
    await world.pass(LEASE_MS * 2);
    first.kill();
    await world.pass(LEASE_MS * 0.7);
    expect(second.lease.isHeld).toBe(false);
    await world.pass(LEASE_MS);
    expect(second.lease.isHeld).toBe(true);
  });

  it('is had at once by who is started again under the same name', async () => {
    const world = new World();
    const first = new Replica(world, { name: 'pod' });
    await world.pass(LEASE_MS * 2);
    first.kill();
    const again = new Replica(world, { name: 'pod' });
    await world.pass(LEASE_MS / 4);
    expect(again.lease.isHeld).toBe(true);
  });

  it('is not taken to and fro by two that live under one name', async () => {
    const world = new World();
    const replicas = [new Replica(world, { name: 'pod' }), new Replica(world, { name: 'pod' })];
    await world.pass(LEASE_MS * 3);
    const before = replicas.map(({ lease }) => lease.isHeld);
    expect(before.filter(Boolean)).toHaveLength(1);
    await world.pass(LEASE_MS * 10, () => {
      expect(replicas.map(({ lease }) => lease.isHeld)).toEqual(before);
    });
  });

  it('is no longer believed in when the store is away, before another one may have it', async () => {
    const world = new World();
    const { lease } = new Replica(world);
    await world.pass(LEASE_MS * 2);
    world.isDown = true;
    await world.pass(LEASE_MS * 0.5);
    expect(lease.isHeld).toBe(true);
    await world.pass(LEASE_MS * 0.4);
    expect(lease.isHeld).toBe(false);
    world.isDown = false;
    await world.pass(LEASE_MS);
    expect(lease.isHeld).toBe(true);
  });

  it('counts from when a renewal was begun, however late it was answered', async () => {
    const world = new World();
    const first = new Replica(world);
    await world.pass(LEASE_MS * 2);
    const second = new Replica(world);
    await world.pass(LEASE_MS);
    first.connection.faults.push({ thereMs: 0, backMs: LEASE_MS * 0.5, isLost: false });
    first.connection.faults.push({ thereMs: LEASE_MS * 9, backMs: 0, isLost: true });
    await world.pass(LEASE_MS * 3, () => {
      if (!first.lease.isHeld) first.connection.isCut = true;
      expect([first, second].filter(({ lease }) => lease.isHeld).length).toBeLessThanOrEqual(1);
    });
    expect(second.lease.isHeld).toBe(true);
  });

  it('stays with its holder when the store was emptied', async () => {
    const world = new World();
    const first = new Replica(world);
    await world.pass(LEASE_MS * 2);
    const second = new Replica(world);
    world.empty();
    await world.pass(LEASE_MS * 5, () => {
      expect([first.lease.isHeld, second.lease.isHeld]).toEqual([true, false]);
    });
  });

  it('has one holder at most at every moment, whatever happens to replicas, their clocks and the store', async () => {
    const who = fc.nat(2);
    const ms = fc.constantFrom(100, 300, 800, 1500);
    const happening = fc.oneof(
      { weight: 3, arbitrary: fc.record({ what: fc.constant('time passes' as const), who, ms }) },
      fc.record({
        what: fc.constantFrom('kill', 'close', 'stall', 'go on', 'slow', 'lose an answer', 'cut', 'joined'),
        who,
        ms,
      }),
      fc.record({ what: fc.constantFrom('store down', 'store up', 'store emptied'), who, ms }),
    );
    const machine = fc.record({
      offsetMs: fc.integer({ min: -86_400_000, max: 86_400_000 }),
      rate: fc.constantFrom(0.9, 0.97, 1, 1.03, 1.1),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(machine, { minLength: 3, maxLength: 3 }),
        fc.array(happening, { minLength: 5, maxLength: 25 }),
        async (machines, happenings) => {
          const world = new World();
          const start = (index: number) => new Replica(world, machines[index]!);
          const replicas = [0, 1, 2].map(start);
          const closing: Promise<void>[] = [];
          const look = (): void => {
            expect(replicas.filter(({ lease }) => lease.isHeld).length).toBeLessThanOrEqual(1);
          };
          for (const { what, who: index, ms: forMs } of happenings) {
            const replica = replicas[index]!;
            if (what === 'store down') world.isDown = true;
            else if (what === 'store up') world.isDown = false;
            else if (what === 'store emptied') world.empty();
            else if (what === 'stall') replica.clock.isStalled = true;
            else if (what === 'go on') replica.clock.goOn();
            else if (what === 'cut') replica.connection.isCut = true;
            else if (what === 'joined') replica.connection.isCut = false;
            else if (what === 'slow') replica.connection.faults.push({ thereMs: forMs, backMs: forMs, isLost: false });
            else if (what === 'lose an answer')
              replica.connection.faults.push({ thereMs: 40, backMs: 0, isLost: true });
            else if (what === 'kill') {
              replica.kill();
              replicas[index] = start(index);
            } else if (what === 'close') {
              closing.push(replica.lease.close());
              replicas[index] = start(index);
            } else await world.pass(forMs, look);
            await world.pass(STEP_MS, look);
          }
          world.isDown = false;
          for (const { clock, connection } of replicas) {
            clock.goOn();
            connection.isCut = false;
          }
          await world.pass(LEASE_MS * 8, look);
          expect(replicas.filter(({ lease }) => lease.isHeld)).toHaveLength(1);
          await Promise.all(closing);
        },
      ),
      { numRuns: 300, seed: 66 },
    );
  }, 60_000);
});

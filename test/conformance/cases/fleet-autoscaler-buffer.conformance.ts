import type { FleetAutoscaler } from '../../../lib/agones.ts';
import { PATHS } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';

const cluster = useCluster();

type Buffer = NonNullable<FleetAutoscaler['spec']['policy']['buffer']>;

/** A Fleet of Ready GameServers, some of which become Allocated and Reserved. */
async function fleetOf({ ready = 0, allocated = 0, reserved = 0 }): Promise<string> {
  const total = ready + allocated + reserved;
  const { metadata } = await cluster.readyDevFleet({ replicas: total });
  const members = await cluster.gameServersOf(metadata.name);
  for (const [index, { metadata: member }] of members.entries()) {
    if (index >= allocated + reserved) break;
    const state = index < allocated ? 'Allocated' : 'Reserved';
    await cluster.patched(`${PATHS.gameservers}/${member.name}`, { status: { state } });
  }
  await cluster.eventually('the Fleet counts them', async () => {
    const { status } = await cluster.fleet(metadata.name);
    return status?.allocatedReplicas === allocated && status.reservedReplicas === reserved ? true : undefined;
  });
  return metadata.name;
}

const withBuffer = (fleet: string, buffer: Buffer, everySeconds?: number) =>
  cluster.createFleetAutoscaler(fleet, { type: 'Buffer', buffer }, everySeconds);

const replicasOf = async (fleet: string) => (await cluster.fleet(fleet)).spec.replicas;

const untilReplicas = (fleet: string, replicas: number) =>
  cluster.eventually(`${fleet} of ${replicas}`, async () =>
    (await replicasOf(fleet)) === replicas ? true : undefined,
  );

const reasonsOf = async (name: string) =>
  (await cluster.eventsAbout(name, 'FleetAutoscaler')).map(({ type, reason }) => `${type} ${reason}`);

describe('a buffer', () => {
  it.each<[string, Parameters<typeof fleetOf>[0], Buffer, number, boolean]>([
    ['of 2 on top of 1 Allocated', { ready: 1, allocated: 1 }, { bufferSize: 2, maxReplicas: 9 }, 3, false],
    ['of 1 of 3 Ready', { ready: 3 }, { bufferSize: 1, maxReplicas: 9 }, 1, false],
    [
      'of 3 on top of 1 Allocated, and at most 3',
      { ready: 1, allocated: 1 },
      { bufferSize: 3, maxReplicas: 3 },
      3,
      true,
    ],
    ['of 1 and at least 3', { ready: 1 }, { bufferSize: 1, minReplicas: 3, maxReplicas: 9 }, 3, true],
    [
      'of 1 beside a Reserved one, which is none of those Allocated',
      { reserved: 1, ready: 1 },
      { bufferSize: 1, maxReplicas: 9 },
      1,
      false,
    ],
    ['of 50% of 2 Allocated', { allocated: 2 }, { bufferSize: '50%', minReplicas: 1, maxReplicas: 9 }, 4, false],
    [
      'of 30% of 2 Allocated, rounded up',
      { allocated: 2 },
      { bufferSize: '30%', minReplicas: 1, maxReplicas: 9 },
      3,
      false,
    ],
    [
      'of 99% of 1 Allocated, at most 4',
      { allocated: 1 },
      { bufferSize: '99%', minReplicas: 1, maxReplicas: 4 },
      4,
      true,
    ],
    ['of 20% of none, at least 2', { ready: 1 }, { bufferSize: '20%', minReplicas: 2, maxReplicas: 9 }, 2, true],
  ])('%s', async (_what, members, buffer, replicas, limited) => {
    const fleet = await fleetOf(members);
    const before = await cluster.fleet(fleet);
    const { metadata } = await withBuffer(fleet, buffer);
    const status = await cluster.autoscaled(metadata.name, ({ ableToScale }) => ableToScale);
    expect(status).toEqual({
      ableToScale: true,
      currentReplicas: before.status?.replicas,
      desiredReplicas: replicas,
      lastAppliedPolicy: 'Buffer',
      lastScaleTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      scalingLimited: limited,
    });
    expect(await replicasOf(fleet)).toBe(replicas);
  });

  it('that is met leaves the Fleet as it is, and says nothing', async () => {
    const fleet = await fleetOf({ ready: 2 });
    const before = await cluster.fleet(fleet);
    const { metadata } = await withBuffer(fleet, { bufferSize: 2, maxReplicas: 9 });
    const status = await cluster.autoscaled(metadata.name, ({ ableToScale }) => ableToScale);
    expect(status).toMatchObject({ currentReplicas: 2, desiredReplicas: 2, lastScaleTime: null });
    expect((await cluster.fleet(fleet)).metadata.generation).toBe(before.metadata.generation);
    expect(await reasonsOf(metadata.name)).toEqual([]);
  });

  it('leaves events of the scaling, and of being limited', async () => {
    const fleet = await fleetOf({ ready: 1 });
    const { metadata } = await withBuffer(fleet, { bufferSize: 1, minReplicas: 3, maxReplicas: 9 });
    const expected = ['Normal AutoScalingFleet', 'Warning ScalingLimited'];
    const reasons = await cluster.eventually('both events', async () => {
      const seen = await reasonsOf(metadata.name);
      return seen.length >= expected.length ? seen : undefined;
    });
    expect(reasons).toEqual(expected);
    const [scaled] = await cluster.eventsAbout(metadata.name, 'FleetAutoscaler');
    expect(scaled?.message).toContain(`${fleet} from 1 to 3`);
  });
});

describe('a FleetAutoscaler', () => {
  it('follows what is allocated, at its interval', async () => {
    const fleet = await fleetOf({ ready: 1 });
    const { metadata } = await withBuffer(fleet, { bufferSize: 1, maxReplicas: 9 }, 1);
    await cluster.autoscaled(metadata.name, ({ ableToScale }) => ableToScale);
    const selectors = [{ matchLabels: { 'agones.dev/fleet': fleet } }];
    for (const replicas of [2, 3]) {
      await cluster.eventually('the allocation', async () => {
        const { body } = await cluster.allocate({ selectors });
        return body.status.state === 'Allocated' ? true : undefined;
      });
      await untilReplicas(fleet, replicas);
    }
    await cluster.fleetSettled(fleet, 1, 3);
  });

  it('acts on a change of its policy at once', async () => {
    const fleet = await fleetOf({ ready: 1 });
    const { metadata } = await withBuffer(fleet, { bufferSize: 1, maxReplicas: 9 });
    await cluster.autoscaled(metadata.name, ({ ableToScale }) => ableToScale);
    await cluster.patched(`${PATHS.fleetautoscalers}/${metadata.name}`, {
      spec: { policy: { buffer: { bufferSize: 2 } } },
    });
    const status = await cluster.autoscaled(metadata.name, ({ desiredReplicas }) => desiredReplicas === 2);
    expect(status.lastScaleTime).not.toBeNull();
    expect(await replicasOf(fleet)).toBe(2);
  });

  it('looks at its interval, and no sooner for a change of its Fleet or its labels', async () => {
    const fleet = await fleetOf({ ready: 1 });
    const idle = await withBuffer(fleet, { bufferSize: 1, maxReplicas: 9 });
    await cluster.autoscaled(idle.metadata.name, ({ ableToScale }) => ableToScale);
    await cluster.patched(`${PATHS.fleets}/${fleet}`, { spec: { replicas: 2 } });
    await cluster.fleetSettled(fleet, 2);
    await cluster.patched(`${PATHS.fleetautoscalers}/${idle.metadata.name}`, { metadata: { labels: { a: 'b' } } });
    // Another one that is asked for later has acted by now, and the first would have, too.
    const other = await fleetOf({ ready: 1 });
    await withBuffer(other, { bufferSize: 2, maxReplicas: 9 });
    await untilReplicas(other, 2);
    expect(await replicasOf(fleet)).toBe(2);
  });

  it('without its Fleet says so in an event, has no status, and starts when the Fleet is there', async () => {
    const fleet = cluster.name('later');
    const { metadata } = await withBuffer(fleet, { bufferSize: 2, maxReplicas: 9 }, 1);
    const [event] = await cluster.eventually('the event', async () => {
      const events = await cluster.eventsAbout(metadata.name, 'FleetAutoscaler');
      return events.length > 0 ? events : undefined;
    });
    expect(event).toMatchObject({ type: 'Warning', reason: 'FailedGetFleet' });
    // All that it would say is what a status says that nothing was written to.
    const { body } = await cluster.request('GET', `${PATHS.fleetautoscalers}/${metadata.name}`);
    expect(body).not.toHaveProperty('status');
    await cluster.createFleet(fleet, { replicas: 1, template: cluster.devTemplate() });
    await untilReplicas(fleet, 2);
  });

  it('whose Fleet goes away says that it cannot scale, and when it last did', async () => {
    const fleet = await fleetOf({ ready: 1 });
    const { metadata } = await withBuffer(fleet, { bufferSize: 2, maxReplicas: 9 }, 1);
    const { lastScaleTime } = await cluster.autoscaled(metadata.name, (status) => status.lastScaleTime !== null);
    await cluster.request('DELETE', `${PATHS.fleets}/${fleet}`);
    const status = await cluster.autoscaled(metadata.name, ({ ableToScale }) => !ableToScale);
    expect(status).toEqual({
      ableToScale: false,
      currentReplicas: 0,
      desiredReplicas: 0,
      lastAppliedPolicy: '',
      lastScaleTime,
      scalingLimited: false,
    });
  });

  it('that is deleted leaves the Fleet at the size it has', async () => {
    const fleet = await fleetOf({ ready: 1 });
    const { metadata } = await withBuffer(fleet, { bufferSize: 2, maxReplicas: 9 }, 1);
    await untilReplicas(fleet, 2);
    const answer = await cluster.request('DELETE', `${PATHS.fleetautoscalers}/${metadata.name}`);
    expect(answer.status).toBe(200);
    expect((await cluster.request('GET', `${PATHS.fleetautoscalers}/${metadata.name}`)).status).toBe(404);
    await cluster.fleetSettled(fleet, 2);
    await cluster.patched(`${PATHS.fleets}/${fleet}`, { spec: { replicas: 1 } });
    await cluster.fleetSettled(fleet, 1);
    // One that is still there looks every second: two looks of it, and the first is silent.
    const other = await fleetOf({ ready: 1 });
    await withBuffer(other, { bufferSize: 1, maxReplicas: 9 }, 1);
    for (const replicas of [2, 3]) {
      await cluster.patched(`${PATHS.fleets}/${other}`, { spec: { replicas } });
      await untilReplicas(other, 1);
    }
    expect(await replicasOf(fleet)).toBe(1);
  });
});

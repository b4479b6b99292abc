import { ScalingWebhook } from '../harness/scaling-webhook.ts';
import { PATHS } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';

const cluster = useCluster();

const DAY_MS = 86_400_000;
const daysFromNow = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString();
const now = { start: daysFromNow(-1), end: daysFromNow(1000) };
const later = { start: daysFromNow(900), end: daysFromNow(1000) };

const bufferOf = (bufferSize: number) => ({ type: 'Buffer', buffer: { bufferSize, maxReplicas: 9 } });
const scheduled = (bufferSize: number, between: object, activePeriod: object = {}) => ({
  type: 'Schedule',
  schedule: { between, activePeriod, policy: bufferOf(bufferSize) },
});

/** The minute, hour, day and month of a time near now, for a start of a cron expression. */
function cronAt(minutesFromNow: number): string {
  const at = new Date(Date.now() + minutesFromNow * 60_000);
  return `${at.getUTCMinutes()} ${at.getUTCHours()} ${at.getUTCDate()} ${at.getUTCMonth() + 1} *`;
}

async function fleetOfOne(): Promise<string> {
  return (await cluster.readyDevFleet({ replicas: 1 })).metadata.name;
}

const eventsOf = async (name: string) =>
  (await cluster.eventsAbout(name, 'FleetAutoscaler')).map(({ type, reason }) => `${type} ${reason}`);

const untilEvent = (name: string, event: string) =>
  cluster.eventually(`${event} about ${name}`, async () => {
    const events = await eventsOf(name);
    return events.includes(event) ? events : undefined;
  });

describe('a schedule', () => {
  it.each([
    ['between its times', now, {}],
    ['all the time where it starts again and again without an end', now, { startCron: '* * * * *' }],
    ['for as long as its duration after a start', now, { startCron: cronAt(-30), duration: '1h' }],
    ['from a minute and a half before a start', now, { startCron: cronAt(1), duration: '1h' }],
    ['in the time zone that it names', now, { timezone: 'UTC', startCron: cronAt(-30), duration: '1h' }],
    ['for ever with a duration and no start', now, { duration: '1s' }],
  ])('applies its policy %s', async (_what, between, activePeriod) => {
    const fleet = await fleetOfOne();
    const { metadata } = await cluster.createFleetAutoscaler(fleet, scheduled(2, between, activePeriod));
    const status = await cluster.autoscaled(metadata.name, ({ ableToScale }) => ableToScale);
    expect(status).toMatchObject({ currentReplicas: 1, desiredReplicas: 2, lastAppliedPolicy: 'Schedule' });
    expect((await cluster.fleet(fleet)).spec.replicas).toBe(2);
  });

  it.each([
    ['before its time', later, {}],
    ['after its duration', now, { startCron: cronAt(-30), duration: '10m' }],
    ['long before a start', now, { startCron: cronAt(60), duration: '1h' }],
  ])('that is not active, %s, is an error', async (_what, between, activePeriod) => {
    const fleet = await fleetOfOne();
    const { metadata } = await cluster.createFleetAutoscaler(fleet, scheduled(2, between, activePeriod));
    await untilEvent(metadata.name, 'Warning FleetAutoscaler');
    const { body } = await cluster.request('GET', `${PATHS.fleetautoscalers}/${metadata.name}`);
    expect(body).not.toHaveProperty('status');
    expect((await cluster.fleet(fleet)).spec.replicas).toBe(1);
    // It is tried again soon, however long the interval.
    await cluster.eventually('the error again', async () => {
      const path = `${PATHS.events}?fieldSelector=involvedObject.name=${metadata.name}`;
      const [event] = await cluster.listed<{ count: number }>(path);
      return (event?.count ?? 0) > 2 ? true : undefined;
    });
  });

  it('whose policy lacks its settings cannot scale until it has them', async () => {
    const webhook = await ScalingWebhook.open(cluster, { scale: true, replicas: 3 });
    const fleet = await fleetOfOne();
    const schedule = { between: now, policy: { type: 'Webhook' } };
    const { metadata } = await cluster.createFleetAutoscaler(fleet, { type: 'Schedule', schedule });
    await untilEvent(metadata.name, 'Warning FleetAutoscaler');
    await cluster.patched(`${PATHS.fleetautoscalers}/${metadata.name}`, {
      spec: { policy: { schedule: { policy: { webhook: { url: webhook.url } } } } },
    });
    const status = await cluster.autoscaled(metadata.name, ({ ableToScale }) => ableToScale);
    expect(status).toMatchObject({ desiredReplicas: 3, lastAppliedPolicy: 'Schedule' });
    webhook.close();
  });
});

describe('a chain', () => {
  const chained = (fleet: string, chain: object[], everySeconds?: number) =>
    cluster.createFleetAutoscaler(fleet, { type: 'Chain', chain }, everySeconds);

  it('applies the first policy that can be, says which, and in an event', async () => {
    const fleet = await fleetOfOne();
    const { metadata } = await chained(fleet, [
      { id: 'holiday', ...scheduled(4, later) },
      { id: 'today', ...scheduled(3, now) },
      { id: 'else', ...bufferOf(2) },
    ]);
    const status = await cluster.autoscaled(metadata.name, ({ ableToScale }) => ableToScale);
    expect(status).toEqual({
      ableToScale: true,
      currentReplicas: 1,
      desiredReplicas: 3,
      lastAppliedPolicy: 'Chain:today:Schedule',
      lastScaleTime: expect.stringMatching(/Z$/),
      scalingLimited: false,
    });
    expect(await untilEvent(metadata.name, 'Normal AutoScalingFleet')).toEqual([
      'Normal ChainPolicy',
      'Normal AutoScalingFleet',
    ]);
  });

  it('goes on to the next where a webhook fails or a Counter is not there, and back', async () => {
    const webhook = await ScalingWebhook.open(cluster, { status: 500, text: 'no' });
    const fleet = await fleetOfOne();
    const { metadata } = await chained(
      fleet,
      [
        { id: 'nope', type: 'Counter', counter: { key: 'nope', bufferSize: 5, maxCapacity: 9 } },
        { id: 'asks', type: 'Webhook', webhook: { url: webhook.url } },
        { id: 'else', ...bufferOf(2) },
      ],
      1,
    );
    const first = await cluster.autoscaled(metadata.name, ({ ableToScale }) => ableToScale);
    expect(first).toMatchObject({ desiredReplicas: 2, lastAppliedPolicy: 'Chain:else:Buffer' });
    webhook.answers({ scale: true, replicas: 3 });
    await cluster.autoscaled(metadata.name, (status) => status.lastAppliedPolicy === 'Chain:asks:Webhook');
    webhook.answers({ status: 500, text: 'no' });
    const last = await cluster.autoscaled(metadata.name, (status) => status.lastAppliedPolicy === 'Chain:else:Buffer');
    expect(last).toMatchObject({ ableToScale: true, desiredReplicas: 2 });
    webhook.close();
    const changes = await cluster.eventually('three changes of the policy', async () => {
      const path = `${PATHS.events}?fieldSelector=involvedObject.name=${metadata.name}`;
      const events = await cluster.listed<{ reason: string; type: string; count: number }>(path);
      const ofChain = events.filter(({ reason }) => reason === 'ChainPolicy');
      return ofChain.reduce((sum, { count }) => sum + count, 0) >= 3 ? ofChain : undefined;
    });
    expect(changes.every(({ type }) => type === 'Normal')).toBe(true);
  });

  it('in which nothing applies is an error, of the chain and of the whole', async () => {
    const fleet = await fleetOfOne();
    const { metadata } = await chained(fleet, [
      { id: 'a', ...scheduled(2, later) },
      { id: 'b', ...scheduled(3, later) },
    ]);
    expect(await untilEvent(metadata.name, 'Warning FleetAutoscaler')).toEqual([
      'Warning ChainPolicy',
      'Warning FleetAutoscaler',
    ]);
    const { body } = await cluster.request('GET', `${PATHS.fleetautoscalers}/${metadata.name}`);
    expect(body).not.toHaveProperty('status');
    expect((await cluster.fleet(fleet)).spec.replicas).toBe(1);
  });

  it('of one entry without an id names it by its type alone', async () => {
    const fleet = await fleetOfOne();
    const { metadata } = await chained(fleet, [bufferOf(2)]);
    const status = await cluster.autoscaled(metadata.name, ({ ableToScale }) => ableToScale);
    expect(status.lastAppliedPolicy).toBe('Chain::Buffer');
  });

  it('is limited where the policy that applies is', async () => {
    const fleet = await fleetOfOne();
    const buffer = { bufferSize: 1, minReplicas: 3, maxReplicas: 9 };
    const { metadata } = await chained(fleet, [{ id: 'a', type: 'Buffer', buffer }]);
    const status = await cluster.autoscaled(metadata.name, ({ ableToScale }) => ableToScale);
    expect(status).toMatchObject({ desiredReplicas: 3, scalingLimited: true });
  });
});

import { ScalingWebhook } from '../harness/scaling-webhook.ts';
import type { WebhookAnswer } from '../harness/scaling-webhook.ts';
import { PATHS, RUN_LABEL } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';

const cluster = useCluster();
const opened: ScalingWebhook[] = [];

afterAll(() => {
  for (const webhook of opened) webhook.close();
});

async function webhookThat(answer: WebhookAnswer, scheme?: 'https'): Promise<ScalingWebhook> {
  const webhook = await ScalingWebhook.open(cluster, answer, scheme);
  opened.push(webhook);
  return webhook;
}

const scaledBy = (fleet: string, webhook: ScalingWebhook, everySeconds?: number, path = '/scale') =>
  cluster.createFleetAutoscaler(fleet, { type: 'Webhook', webhook: { url: webhook.url + path } }, everySeconds);

const untilReplicas = (fleet: string, replicas: number) =>
  cluster.eventually(`${fleet} of ${replicas}`, async () =>
    (await cluster.fleet(fleet)).spec.replicas === replicas ? true : undefined,
  );

const reasonsOf = async (name: string) =>
  (await cluster.eventsAbout(name, 'FleetAutoscaler')).map(({ type, reason }) => `${type} ${reason}`);

const untilReason = (name: string, reason: string) =>
  cluster.eventually(`an event ${reason} about ${name}`, async () =>
    (await reasonsOf(name)).includes(reason) ? true : undefined,
  );

describe('the webhook of a FleetAutoscaler', () => {
  it('is asked with all about its Fleet, and its answer is the size of the Fleet', async () => {
    const webhook = await webhookThat({ scale: true, replicas: 3 });
    const name = cluster.name('fleet');
    await cluster.created(PATHS.fleets, {
      apiVersion: 'agones.dev/v1',
      kind: 'Fleet',
      metadata: { name, labels: { [RUN_LABEL]: cluster.run, tier: 'gold' }, annotations: { note: 'calm' } },
      spec: {
        replicas: 2,
        template: cluster.devTemplate(
          {},
          {
            counters: { rooms: { count: 1, capacity: 4 } },
            lists: { players: { capacity: 3, values: ['ann'] } },
          },
        ),
      },
    });
    await cluster.fleetSettled(name, 2);
    const fleet = await cluster.fleet(name);
    const { metadata } = await scaledBy(name, webhook, undefined, '/scale/up?by=3');
    const [asked] = await webhook.askedTimes(1);
    expect([asked?.method, asked?.path]).toEqual(['POST', '/scale/up?by=3']);
    expect(asked?.headers['content-type']).toBe('application/json');
    expect(asked?.review).toEqual({
      request: {
        uid: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
        name,
        namespace: 'default',
        status: {
          replicas: 2,
          readyReplicas: 2,
          reservedReplicas: 0,
          allocatedReplicas: 0,
          counters: { rooms: { allocatedCount: 0, allocatedCapacity: 0, count: 2, capacity: 8 } },
          lists: { players: { allocatedCount: 0, allocatedCapacity: 0, count: 2, capacity: 6 } },
        },
        labels: { [RUN_LABEL]: cluster.run, tier: 'gold' },
        annotations: { note: 'calm', 'agones.dev/sdk-version': expect.stringMatching(/^1\.57\./) },
      },
      response: null,
    });
    expect(asked?.review.request.status).toEqual(fleet.status);
    expect(await cluster.autoscaled(metadata.name, ({ ableToScale }) => ableToScale)).toEqual({
      ableToScale: true,
      currentReplicas: 2,
      desiredReplicas: 3,
      lastAppliedPolicy: 'Webhook',
      lastScaleTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      scalingLimited: false,
    });
    await cluster.fleetSettled(name, 3);
    await untilReason(metadata.name, 'Normal AutoScalingFleet');
  });

  it('sees what of the Fleet is Allocated', async () => {
    const webhook = await webhookThat({ scale: true, replicas: 2 });
    const counters = { rooms: { count: 1, capacity: 4 } };
    const { metadata } = await cluster.readyDevFleet({ replicas: 2 }, { spec: { counters } });
    const [first] = await cluster.gameServersOf(metadata.name);
    await cluster.patched(`${PATHS.gameservers}/${first?.metadata.name}`, { status: { state: 'Allocated' } });
    await cluster.fleetSettled(metadata.name, 1, 2);
    await scaledBy(metadata.name, webhook);
    const [asked] = await webhook.askedTimes(1);
    expect(asked?.review.request.status).toEqual({
      replicas: 2,
      readyReplicas: 1,
      reservedReplicas: 0,
      allocatedReplicas: 1,
      counters: { rooms: { allocatedCount: 1, allocatedCapacity: 4, count: 2, capacity: 8 } },
    });
  });

  it('is asked at once and then at the interval, with another uid each time, until it is deleted', async () => {
    const webhook = await webhookThat({ scale: true, replicas: 1 });
    const { metadata: fleet } = await cluster.readyDevFleet({ replicas: 1 });
    const { metadata } = await scaledBy(fleet.name, webhook, 1, '/first');
    const asked = await webhook.askedTimes(5, '/first');
    expect(new Set(asked.map(({ review }) => review.request.uid)).size).toBe(asked.length);
    // The first two may come together; from then on there is a second from one to the next.
    const perSecond = ((asked.at(-1)?.atMs ?? 0) - (asked[1]?.atMs ?? 0)) / (asked.length - 2);
    expect(perSecond).toBeGreaterThan(800);
    expect(perSecond).toBeLessThan(5000);
    await cluster.request('DELETE', `${PATHS.fleetautoscalers}/${metadata.name}`);
    await scaledBy(fleet.name, webhook, 1, '/second');
    await webhook.askedTimes(1, '/second');
    const before = webhook.asked.filter(({ path }) => path === '/first').length;
    await webhook.askedTimes(4, '/second');
    expect(webhook.asked.filter(({ path }) => path === '/first')).toHaveLength(before);
  });

  it('is another one as soon as the policy names another', async () => {
    const first = await webhookThat({ scale: true, replicas: 1 });
    const second = await webhookThat({ scale: true, replicas: 2 });
    const { metadata: fleet } = await cluster.readyDevFleet({ replicas: 1 });
    const { metadata } = await scaledBy(fleet.name, first);
    await first.askedTimes(1);
    await cluster.patched(`${PATHS.fleetautoscalers}/${metadata.name}`, {
      spec: { policy: { webhook: { url: second.url } } },
    });
    await second.askedTimes(1);
    await untilReplicas(fleet.name, 2);
  });

  it('may have no GameServer at all, and is not held to anything', async () => {
    const webhook = await webhookThat({ scale: true, replicas: 0 });
    const { metadata: fleet } = await cluster.readyDevFleet({ replicas: 1 });
    const { metadata } = await scaledBy(fleet.name, webhook, 1);
    await cluster.fleetSettled(fleet.name, 0);
    webhook.answers({ scale: true, replicas: 2 });
    await cluster.fleetSettled(fleet.name, 2);
    const status = await cluster.autoscaled(metadata.name, ({ currentReplicas }) => currentReplicas === 2);
    expect(status).toMatchObject({ desiredReplicas: 2, scalingLimited: false });
  });

  it('that does not scale leaves the Fleet at the GameServers it has', async () => {
    const webhook = await webhookThat({ scale: false, replicas: 7 });
    const { metadata: fleet } = await cluster.readyDevFleet({ replicas: 2 });
    const { metadata } = await scaledBy(fleet.name, webhook);
    expect(await cluster.autoscaled(metadata.name, ({ ableToScale }) => ableToScale)).toMatchObject({
      currentReplicas: 2,
      desiredReplicas: 2,
      lastScaleTime: null,
    });
    expect((await cluster.fleet(fleet.name)).spec.replicas).toBe(2);
  });

  it.each<[string, WebhookAnswer]>([
    ['with status 500', { status: 500, text: 'no' }],
    ['with status 201', { status: 201, text: '{"response":{"scale":true,"replicas":3}}' }],
    ['with what is not JSON', { status: 200, text: 'nonsense' }],
    ['with nothing', { status: 200, text: '' }],
    ['with replicas that are no number', { status: 200, text: '{"response":{"scale":true,"replicas":"3"}}' }],
    ['with half a GameServer', { status: 200, text: '{"response":{"scale":true,"replicas":1.5}}' }],
  ])('that answers %s makes the FleetAutoscaler unable to scale, and is asked again soon', async (_what, answer) => {
    const webhook = await webhookThat(answer);
    const { metadata: fleet } = await cluster.readyDevFleet({ replicas: 1 });
    const { metadata } = await scaledBy(fleet.name, webhook);
    await webhook.askedTimes(3);
    await untilReason(metadata.name, 'Warning FleetAutoscaler');
    const { body } = await cluster.request('GET', `${PATHS.fleetautoscalers}/${metadata.name}`);
    expect(body).not.toHaveProperty('status');
    expect((await cluster.fleet(fleet.name)).spec.replicas).toBe(1);
    webhook.answers({ scale: true, replicas: 2 });
    await untilReplicas(fleet.name, 2);
    await cluster.autoscaled(metadata.name, ({ ableToScale }) => ableToScale);
  });

  it('that fails later on shows in the status, which keeps the time of the last scaling', async () => {
    const webhook = await webhookThat({ scale: true, replicas: 2 });
    const { metadata: fleet } = await cluster.readyDevFleet({ replicas: 1 });
    const { metadata } = await scaledBy(fleet.name, webhook, 1);
    const { lastScaleTime } = await cluster.autoscaled(metadata.name, (status) => status.lastScaleTime !== null);
    webhook.answers({ status: 503, text: '' });
    expect(await cluster.autoscaled(metadata.name, ({ ableToScale }) => !ableToScale)).toEqual({
      ableToScale: false,
      currentReplicas: 0,
      desiredReplicas: 0,
      lastAppliedPolicy: '',
      lastScaleTime,
      scalingLimited: false,
    });
  });

  it('that asks for less than none gets an event, and leaves the Fleet and the status as they are', async () => {
    const webhook = await webhookThat({ scale: true, replicas: -3 });
    const { metadata: fleet } = await cluster.readyDevFleet({ replicas: 1 });
    const { metadata } = await scaledBy(fleet.name, webhook);
    await untilReason(metadata.name, 'Warning AutoScalingFleetError');
    expect((await cluster.fleet(fleet.name)).spec.replicas).toBe(1);
    const { body } = await cluster.request('GET', `${PATHS.fleetautoscalers}/${metadata.name}`);
    expect(body).not.toHaveProperty('status');
    expect(await reasonsOf(metadata.name)).not.toContain('Warning FleetAutoscaler');
  });

  it('is asked over https where the policy says whom to trust', async () => {
    const webhook = await webhookThat({ scale: true, replicas: 2 }, 'https');
    const { url, caBundle } = webhook;
    const { metadata: fleet } = await cluster.readyDevFleet({ replicas: 1 });
    const { metadata } = await cluster.createFleetAutoscaler(fleet.name, {
      type: 'Webhook',
      webhook: { url, caBundle },
    });
    await untilReplicas(fleet.name, 2);
    const other = await webhookThat({ scale: true, replicas: 3 }, 'https');
    // Whom nobody vouches for is not asked; nor is who is vouched for by another.
    for (const trusted of [other.caBundle, null]) {
      const webhookOf = { url, caBundle: trusted };
      await cluster.patched(`${PATHS.fleetautoscalers}/${metadata.name}`, { spec: { policy: { webhook: webhookOf } } });
      await cluster.autoscaled(metadata.name, ({ ableToScale }) => !ableToScale);
      const before = webhook.asked.length;
      await cluster.patched(`${PATHS.fleetautoscalers}/${metadata.name}`, {
        spec: { policy: { webhook: { url, caBundle } } },
      });
      await cluster.autoscaled(metadata.name, ({ ableToScale }) => ableToScale);
      expect(webhook.asked.length).toBeGreaterThan(before);
    }
  });

  it('that is not there, or is no URL, is a fault like any other', async () => {
    const { metadata: fleet } = await cluster.readyDevFleet({ replicas: 1 });
    const gone = await webhookThat({ scale: true, replicas: 2 });
    gone.close();
    for (const url of [gone.url, '', 'x']) {
      const { metadata } = await cluster.createFleetAutoscaler(fleet.name, { type: 'Webhook', webhook: { url } });
      await untilReason(metadata.name, 'Warning FleetAutoscaler');
    }
    expect((await cluster.fleet(fleet.name)).spec.replicas).toBe(1);
  });
});

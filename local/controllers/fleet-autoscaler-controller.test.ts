import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Fleet, FleetAutoscaler, GameServer } from '../../lib/agones.ts';
import type { CoreEvent } from './event-recorder.ts';
import { TestCluster } from './testing/test-cluster.ts';

describe('a FleetAutoscaler', () => {
  let cluster: TestCluster;
  let webhook: Server;
  let url: string;
  let reviews: unknown[];
  let answer: { status: number; body: string };

  beforeEach(async () => {
    reviews = [];
    answer = { status: 200, body: '' };
    webhook = createServer((request, response) => {
      void readBody(request).then((body) => {
        reviews.push({
          path: request.url,
          host: request.headers.host,
          type: request.headers['content-type'],
          review: JSON.parse(body),
        });
        response.writeHead(answer.status).end(answer.body);
      });
    });
    await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve));
    // A TCP server's address is an object.
    url = `http://127.0.0.1:${(webhook.address() as AddressInfo).port}`;
    cluster = new TestCluster({
      webhookServices: new Map([['games/scaler', new URL(url).host]]),
      webhookTimeoutMs: 15_000,
    });
  });

  afterEach(async () => {
    cluster.stop();
    webhook.closeAllConnections();
    await new Promise((resolve) => webhook.close(resolve));
  });

  const say = (response: object, status = 200) => {
    answer = { status, body: JSON.stringify({ response }) };
  };

  function statusOf(name: string): FleetAutoscaler['status'] {
    return cluster.store.get<FleetAutoscaler>('fleetautoscalers', 'default', name).status;
  }

  /** Lets webhooks answer and controllers work until the condition holds. */
  async function until(condition: () => boolean): Promise<void> {
    for (let round = 0; round < 5000; round += 1) {
      if (condition()) return;
      await new Promise(setImmediate);
      cluster.settle();
    }
    throw new Error('what was waited for did not happen');
  }

  const everyTwoSeconds = { type: 'FixedInterval', fixedInterval: { seconds: 2 } };

  it('with a Buffer follows allocations at its interval', async () => {
    cluster.createFleet('race', { replicas: 1 });
    const buffer = { bufferSize: 2, minReplicas: 2, maxReplicas: 3 };
    cluster.createAutoscaler('scaler', {
      fleetName: 'race',
      policy: { type: 'Buffer', buffer },
      sync: everyTwoSeconds,
    });
    cluster.settle();
    await until(() => cluster.fleet('race').status?.readyReplicas === 2);
    for (const { metadata } of cluster.gameServers()) cluster.setState(metadata.name, 'Allocated');
    cluster.settle();
    cluster.clock.advance(2000);
    await until(() => cluster.fleet('race').status?.replicas === 3);
    await until(() => statusOf('scaler')?.scalingLimited === true);
    expect(statusOf('scaler')).toMatchObject({ desiredReplicas: 3, ableToScale: true, lastAppliedPolicy: 'Buffer' });
    expect(cluster.eventsAbout('scaler')).toEqual(expect.arrayContaining(['AutoScalingFleet', 'ScalingLimited']));
  });

  it('sends its webhook a review of the Fleet and does what it says', async () => {
    say({ uid: 'any', scale: true, replicas: 2 });
    cluster.createFleet('race', { replicas: 1 });
    cluster.store.modify('fleets', 'default', 'race', (fleet) => {
      fleet.metadata.labels = { tier: 'gold' };
    });
    cluster.createAutoscaler('scaler', {
      fleetName: 'race',
      policy: { type: 'Webhook', webhook: { url: `${url}/scale` } },
      sync: everyTwoSeconds,
    });
    cluster.settle();
    await until(() => statusOf('scaler')?.ableToScale === true);
    expect(cluster.fleet('race').spec.replicas).toBe(2);
    expect(statusOf('scaler')).toMatchObject({
      desiredReplicas: 2,
      scalingLimited: false,
      lastAppliedPolicy: 'Webhook',
    });
    expect(statusOf('scaler')?.lastScaleTime).toMatch(/^2026-01-01T00:00:0\dZ$/);
    expect(reviews[0]).toMatchObject({
      path: '/scale',
      type: 'application/json',
      review: {
        request: {
          uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
          name: 'race',
          namespace: 'default',
          status: { replicas: expect.any(Number), readyReplicas: expect.any(Number) },
          labels: { tier: 'gold' },
        },
        response: null,
      },
    });
  });

  it('finds a webhook that is named as a Service', async () => {
    say({ scale: true, replicas: 0 });
    cluster.createFleet('race', { replicas: 1 });
    cluster.createAutoscaler('scaler', {
      fleetName: 'race',
      policy: { type: 'Webhook', webhook: { service: { name: 'scaler', namespace: 'games', path: 'autoscale' } } },
    });
    cluster.settle();
    await until(() => cluster.fleet('race').spec.replicas === 0);
    expect(reviews[0]).toMatchObject({ path: '/autoscale', host: 'scaler.games.svc:8000' });
  });

  it('takes scale: false as the number of replicas there are', async () => {
    cluster.gamesBecomeReady = () => false;
    cluster.createFleet('race', { replicas: 2 });
    cluster.settle();
    say({ scale: false, replicas: 99 });
    cluster.createAutoscaler('scaler', { fleetName: 'race', policy: { type: 'Webhook', webhook: { url } } });
    cluster.settle();
    await until(() => statusOf('scaler')?.ableToScale === true);
    expect(statusOf('scaler')).toMatchObject({ currentReplicas: 2, desiredReplicas: 2, lastScaleTime: null });
  });

  it.each([
    { why: 'status 500', body: '"no"', status: 500 },
    { why: 'status 201', body: '{"response":{"scale":true,"replicas":3}}', status: 201 },
    { why: 'what is not JSON', body: 'nonsense', status: 200 },
    { why: 'no response', body: '{"response":null}', status: 200 },
    { why: 'a number below zero', body: '{"response":{"scale":true,"replicas":-3}}', status: 200 },
  ])('leaves the Fleet alone when the webhook answers $why, and asks again soon', async ({ why, body, status }) => {
    cluster.createFleet('race', { replicas: 2 });
    cluster.settle();
    answer = { status, body };
    cluster.createAutoscaler('scaler', { fleetName: 'race', policy: { type: 'Webhook', webhook: { url } } });
    cluster.settle();
    const reason = why === 'a number below zero' ? 'AutoScalingFleetError' : 'FleetAutoscaler';
    await until(() => cluster.eventsAbout('scaler').includes(reason));
    expect(cluster.fleet('race').spec.replicas).toBe(2);
    // One that could not scale from the start has nothing to say that no status at all does not.
    expect(statusOf('scaler')).toBeUndefined();
    say({ scale: true, replicas: 3 });
    await new Promise(setImmediate);
    cluster.clock.advance(200);
    await until(() => cluster.fleet('race').spec.replicas === 3);
  });

  it('gives up on a webhook that does not answer', async () => {
    webhook.removeAllListeners('request');
    const asked = new Promise((resolve) => webhook.once('request', resolve));
    cluster.createFleet('race', { replicas: 2 });
    cluster.createAutoscaler('scaler', { fleetName: 'race', policy: { type: 'Webhook', webhook: { url } } });
    cluster.settle();
    await asked;
    cluster.clock.advance(15_000);
    await until(() => cluster.eventsAbout('scaler').includes('FleetAutoscaler'));
    const [event] = cluster.store.list<CoreEvent>('events').filter(({ reason }) => reason === 'FleetAutoscaler');
    expect(event).toMatchObject({
      type: 'Warning',
      message: expect.stringContaining('did not answer within 15000 ms'),
    });
  });

  const rooms = (capacity: number) => ({ counters: { rooms: { count: 0, capacity } } });

  function createFleetWithRooms(replicas: number): void {
    const template = { spec: { containers: [{ name: 'game', image: 'game:1' }] } };
    cluster.createFleet('race', { replicas, template: { spec: { template, ...rooms(10) } } });
    cluster.settle();
  }

  const counter = (bufferSize: number | string, maxCapacity = 100) => ({ key: 'rooms', bufferSize, maxCapacity });

  it('with a Counter keeps room in it, and takes away what its Fleet would lose first', async () => {
    createFleetWithRooms(1);
    cluster.createAutoscaler('scaler', {
      fleetName: 'race',
      policy: { type: 'Counter', counter: counter(25) },
      sync: everyTwoSeconds,
    });
    cluster.settle();
    await until(() => cluster.fleet('race').status?.readyReplicas === 3);
    await until(() => statusOf('scaler')?.lastAppliedPolicy === 'Counter');
    cluster.store.modify<Fleet>('fleets', 'default', 'race', (fleet) => {
      fleet.spec.priorities = [{ type: 'Counter', key: 'rooms', order: 'Ascending' }];
    });
    const [small, ...large] = cluster.gameServers().toReversed();
    for (const [gameServer, capacity] of [
      [small, 10],
      [large[0], 30],
      [large[1], 30],
    ] as const) {
      cluster.store.modify<GameServer>('gameservers', 'default', gameServer?.metadata.name ?? '', (copy) => {
        Object.assign(copy.status ?? {}, rooms(capacity));
      });
    }
    cluster.settle();
    cluster.clock.advance(2000);
    await until(() => cluster.gameServers().length === 1);
    expect(large.map(({ metadata }) => metadata.name)).toContain(cluster.gameServers()[0]?.metadata.name);
  });

  it('with a Schedule that is not active cannot scale, says so, and tries again every three seconds', async () => {
    cluster.createFleet('race', { replicas: 1 });
    cluster.settle();
    const between = { start: '2025-01-01T00:00:00Z', end: '2999-01-01T00:00:00Z' };
    const nested = { type: 'Buffer', buffer: { bufferSize: 3, maxReplicas: 5 } };
    const schedule = { between, activePeriod: { startCron: '10 0 1 1 *', duration: '1h' }, policy: nested };
    cluster.createAutoscaler('scaler', { fleetName: 'race', policy: { type: 'Schedule', schedule } });
    cluster.settle();
    await until(() => cluster.eventsAbout('scaler').includes('FleetAutoscaler'));
    const attempts = () =>
      cluster.store.list<CoreEvent>('events').find(({ reason }) => reason === 'FleetAutoscaler')?.count ?? 0;
    const pass = async (ms: number, expected: number) => {
      cluster.clock.advance(ms);
      await until(() => attempts() === expected);
    };
    for (let retry = 1; retry <= 5; retry += 1) await pass(200, 1 + retry);
    await pass(3000, 7);
    await pass(3000, 8);
    expect(statusOf('scaler')).toBeUndefined();
    for (let second = 0; second < 10 * 60; second += 30) {
      cluster.clock.advance(30_000);
      await new Promise(setImmediate);
    }
    await until(() => statusOf('scaler')?.lastAppliedPolicy === 'Schedule');
    expect(cluster.fleet('race').spec.replicas).toBe(3);
  });

  it('with a Chain does what the first entry says that can, and tells when that changes', async () => {
    cluster.createFleet('race', { replicas: 1 });
    cluster.settle();
    answer = { status: 500, body: '' };
    const chain = [
      { id: 'shop', type: 'Webhook', webhook: { url } },
      { id: 'always', type: 'Buffer', buffer: { bufferSize: 3, maxReplicas: 5 } },
    ];
    cluster.createAutoscaler('scaler', {
      fleetName: 'race',
      policy: { type: 'Chain', chain },
      sync: everyTwoSeconds,
    });
    cluster.settle();
    await until(() => statusOf('scaler')?.lastAppliedPolicy === 'Chain:always:Buffer');
    expect(cluster.fleet('race').spec.replicas).toBe(3);
    say({ scale: true, replicas: 4 });
    cluster.clock.advance(2000);
    await until(() => statusOf('scaler')?.lastAppliedPolicy === 'Chain:shop:Webhook');
    expect(cluster.fleet('race').spec.replicas).toBe(4);
    expect(cluster.eventsAbout('scaler')).toEqual([
      'ChainPolicy',
      'AutoScalingFleet',
      'ChainPolicy',
      'AutoScalingFleet',
    ]);
  });

  it.each([
    {
      why: 'no entry can decide',
      chain: [{ id: 'a', type: 'Counter', counter: { key: 'no', bufferSize: 1, maxCapacity: 2 } }],
    },
    { why: 'there is no entry', chain: [] },
  ])('with a Chain in which $why cannot scale', async ({ chain }) => {
    cluster.createFleet('race', { replicas: 1 });
    cluster.createAutoscaler('scaler', { fleetName: 'race', policy: { type: 'Chain', chain } });
    cluster.settle();
    await until(() => cluster.eventsAbout('scaler').includes('FleetAutoscaler'));
    expect(cluster.eventsAbout('scaler')).toEqual(['ChainPolicy', 'FleetAutoscaler']);
    expect(cluster.fleet('race').spec.replicas).toBe(1);
  });

  it('without its Fleet is not able to scale', async () => {
    cluster.createAutoscaler('scaler', {
      fleetName: 'nothing',
      policy: { type: 'Buffer', buffer: { bufferSize: 1, maxReplicas: 3 } },
    });
    cluster.settle();
    await until(() => cluster.eventsAbout('scaler').length > 0);
    expect(cluster.eventsAbout('scaler')).toEqual(['FailedGetFleet']);
    expect(statusOf('scaler')).toBeUndefined();
  });
});

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks).toString('utf8');
}

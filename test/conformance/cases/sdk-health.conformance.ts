import { CODE } from '../harness/sdk-calls.ts';
import { SdkOverRest } from '../harness/sdk-over-rest.ts';
import { useCluster } from '../harness/use-cluster.ts';
import type { Puppet } from '../puppet/puppet.ts';

const cluster = useCluster();

/** Silent of itself, and lost without pings some 4 s after its start. */
const HEALTH = { initialDelaySeconds: 1, periodSeconds: 1, failureThreshold: 3 };
const PING_MS = 500;

const silent = () => cluster.puppet({ pingMs: 0 }, {}, { health: HEALTH });

describe('health pings', () => {
  it('keep a GameServer alive by each way of sending them, and until they end', async () => {
    const ways: [Puppet, () => unknown][] = [];
    const [byStream, byRest, byManyInOne] = await Promise.all([silent(), silent(), silent()]);
    const stream = cluster.grpc(byStream).health();
    ways.push([byStream, () => stream.ping()]);
    ways.push([byRest, () => byRest.sdk('POST', '/health', {})]);
    ways.push([byManyInOne, () => byManyInOne.sdk('POST', '/health', '{} {"more":1}\n{}')]);
    const pings = setInterval(() => {
      for (const [, ping] of ways) void Promise.resolve(ping()).catch(() => undefined);
    }, PING_MS);
    try {
      const startedMs = Date.now();
      await cluster.eventually('longer than one lives without', () =>
        Date.now() - startedMs > 6000 ? true : undefined,
      );
      const states = await Promise.all(ways.map(async ([{ name }]) => (await cluster.gameServer(name))?.status?.state));
      expect(states).toEqual(['Scheduled', 'Scheduled', 'Scheduled']);
    } finally {
      clearInterval(pings);
    }
    await Promise.all(ways.map(([{ name }]) => cluster.inState(name, 'Unhealthy')));
    stream.cut();
  });

  it('are no pings where nothing was sent: an open stream, a body of white space, a GET', async () => {
    const [byStream, byRest, byGet] = await Promise.all([silent(), silent(), silent()]);
    const stream = cluster.grpc(byStream).health();
    const pings = setInterval(() => {
      void byRest.sdk('POST', '/health', ' \n').catch(() => undefined);
      void byGet.sdk('GET', '/health').catch(() => undefined);
    }, PING_MS);
    try {
      await Promise.all([byStream, byRest, byGet].map(({ name }) => cluster.inState(name, 'Unhealthy')));
    } finally {
      clearInterval(pings);
      stream.cut();
    }
  });

  it('by gRPC are one stream, which is answered when the game ends it', async () => {
    const puppet = await cluster.puppet();
    const health = cluster.grpc(puppet).health();
    health.ping();
    health.ping();
    expect(await health.end()).toEqual({ code: CODE.ok, message: '', value: {} });
  });

  it('by REST are messages in a body, which is refused where it holds others', async () => {
    const puppet = await cluster.puppet();
    const rest = new SdkOverRest(puppet);
    for (const body of ['{}', ' ', '{}{}', '{"more":1}']) {
      expect(await rest.call('POST', '/health', body)).toEqual({ code: CODE.ok, message: '', value: {} });
    }
    for (const body of ['{', '[]', '{} x', 'null', '"x"']) {
      expect((await rest.call('POST', '/health', body)).code).toBe(CODE.invalidArgument);
    }
    for (const method of ['PUT', 'GET']) {
      expect((await rest.call(method, '/health', '{}')).code).toBe(CODE.unimplemented);
    }
  });

  it.each(['POST', 'GET', 'PUT', 'DELETE'])('by REST without a body are refused without a word: %s', async (method) => {
    const puppet = await cluster.puppet();
    const { status, contentType, body } = await puppet.sdk(method, '/health');
    expect({ status, contentType, body }).toEqual({ status: 400, contentType: '', body: '' });
  });
});

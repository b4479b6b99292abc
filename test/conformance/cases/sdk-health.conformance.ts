import { CODE } from '../harness/sdk-calls.ts';
import { SdkOverRest } from '../harness/sdk-over-rest.ts';
import { useCluster } from '../harness/use-cluster.ts';
import type { Puppet } from '../puppet/puppet.ts';

const cluster = useCluster();

/** Lost within some 4 s without pings, but not while it starts on a busy machine. */
const HEALTH = { initialDelaySeconds: 8, periodSeconds: 1, failureThreshold: 3 };
const PING_MS = 500;

let puppet: Puppet;
/** Those that are kept alive by a case, each in its way, and those that send what is no ping. */
const games = { kept: [] as Puppet[], lost: [] as Puppet[], end: () => {} };

beforeAll(async () => {
  // They ping by themselves until all of them are there.
  const start = () => cluster.puppet({ pingMs: PING_MS }, {}, { health: HEALTH });
  const [shared, byStream, byRest, byManyInOne, openStream, whiteSpace, get] = await Promise.all([
    cluster.puppet(),
    ...Array.from({ length: 6 }, start),
  ]);
  const stream = cluster.grpc(byStream!).health();
  const neverUsed = cluster.grpc(openStream!).health();
  const pings = setInterval(() => {
    stream.ping();
    for (const call of [
      byRest!.sdk('POST', '/health', {}),
      byManyInOne!.sdk('POST', '/health', '{} {"more":1}\n{}'),
      whiteSpace!.sdk('POST', '/health', ' \n'),
      get!.sdk('GET', '/health'),
    ]) {
      // A game that is lost is ended, and hears nothing any more.
      call.catch(() => undefined);
    }
  }, PING_MS);
  puppet = shared;
  games.kept = [byStream!, byRest!, byManyInOne!];
  games.lost = [openStream!, whiteSpace!, get!];
  games.end = () => {
    clearInterval(pings);
    stream.cut();
    neverUsed.cut();
  };
  await Promise.all([...games.kept, ...games.lost].map((game) => game.ping(0)));
});

afterAll(() => {
  games.end();
});

describe('health pings', () => {
  it('are no pings where nothing was sent: an open stream, a body of white space, a GET', async () => {
    await Promise.all(games.lost.map(({ name }) => cluster.inState(name, 'Unhealthy')));
  });

  it('keep a GameServer alive by each way of sending them, until they end', async () => {
    // By then those without pings are lost.
    await Promise.all(games.lost.map(({ name }) => cluster.inState(name, 'Unhealthy')));
    const states = await Promise.all(
      games.kept.map(async ({ name }) => (await cluster.gameServer(name))?.status?.state),
    );
    expect(states).toEqual(['Scheduled', 'Scheduled', 'Scheduled']);
    games.end();
    await Promise.all(games.kept.map(({ name }) => cluster.inState(name, 'Unhealthy')));
  });

  it('by gRPC are one stream, which is answered when the game ends it', async () => {
    const health = cluster.grpc(puppet).health();
    health.ping();
    health.ping();
    expect(await health.end()).toEqual({ code: CODE.ok, message: '', value: {} });
  });

  it('by REST are messages in a body, which is refused where it holds others', async () => {
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
    const { status, contentType, body } = await puppet.sdk(method, '/health');
    expect({ status, contentType, body }).toEqual({ status: 400, contentType: '', body: '' });
  });
});

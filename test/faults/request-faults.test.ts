import { Agent, request } from 'node:http';
import { FaultyLocal, until } from './faulty-local.ts';

let local: FaultyLocal;

beforeAll(async () => {
  local = await FaultyLocal.start();
});

afterEach(() => local.request('DELETE', '/regatta.dev/v1/faults'));
afterAll(() => local.stop());

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAtMs = performance.now();
  await work();
  return performance.now() - startedAtMs;
}

describe('a slow API', () => {
  test('takes its time over what it is asked, and over nothing else', async () => {
    await local.fault({ kind: 'api-slow', latencyMs: 250, target: { resource: 'configmaps' } });
    expect(await timed(() => local.request('GET', '/api/v1/namespaces/default/configmaps'))).toBeGreaterThan(240);
    expect(await timed(() => local.request('GET', '/api/v1/namespaces/default/secrets'))).toBeLessThan(240);
  });

  test('adds a part of the jitter, by its seed', async () => {
    await local.fault({ kind: 'api-slow', latencyMs: 100, jitterMs: 400, seed: 11 });
    const times: number[] = [];
    for (let each = 0; each < 5; each += 1) times.push(await timed(() => local.request('GET', '/version')));
    expect(Math.min(...times)).toBeGreaterThan(95);
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(50);
  });

  test('holds up as many as it may strike for their whole time, and no other', async () => {
    await local.fault({ kind: 'api-slow', latencyMs: 250, count: 1 });
    expect(await timed(() => local.request('GET', '/version'))).toBeGreaterThan(240);
    expect(await timed(() => local.request('GET', '/version'))).toBeLessThan(240);
  });

  test('answers what waits when it ends early', async () => {
    const { id } = await local.fault({ kind: 'api-slow', latencyMs: 20_000 });
    const waiting = local.request('GET', '/version');
    await until('the request to wait', async () => (await local.report(id)).struck === 1);
    await local.endFault(id);
    expect((await waiting).status).toBe(200);
  });
});

describe('a black hole', () => {
  test('answers nothing, breaks off what it holds at its end, and is gone then', async () => {
    const { id } = await local.fault({ kind: 'api-black-hole', target: { resource: 'configmaps' } });
    let over = false;
    const lost = local.createConfigMap('lost').finally(() => {
      over = true;
    });
    await until('the request to be taken', async () => (await local.report(id)).struck === 1);
    expect((await local.request('GET', '/api/v1/namespaces/default/secrets')).status).toBe(200);
    expect(over).toBe(false);
    await local.endFault(id);
    expect((await lost).status).toBe(0);
    expect(local.object('configmaps', 'lost')).toBeUndefined();
    expect((await local.createConfigMap('found')).status).toBe(201);
  });

  test('swallows what comes over a connection that was there before', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ask = () =>
      new Promise<string>((resolve) => {
        const call = request(`${local.url}/version`, { agent }, (answer) => {
          answer.resume().on('end', () => {
            resolve(`${answer.statusCode} ${call.reusedSocket ? 'reused' : 'new'}`);
          });
        });
        call.on('error', (error: NodeJS.ErrnoException) => {
          resolve(`${error.code} ${call.reusedSocket ? 'reused' : 'new'}`);
        });
        call.end();
      });
    expect(await ask()).toBe('200 new');
    await local.fault({ kind: 'api-black-hole', forMs: 200 });
    expect(await ask()).toBe('ECONNRESET reused');
    agent.destroy();
  });

  test('keeps the answer of what was under way, which is done all the same', async () => {
    const slow = await local.fault({ kind: 'api-slow', latencyMs: 20_000, target: { methods: ['POST'] } });
    const made = local.createConfigMap('under-way');
    await until('the request to wait', async () => (await local.report(slow.id)).struck === 1);
    await local.fault({ kind: 'api-black-hole', forMs: 300, target: { methods: ['POST'], resource: 'configmaps' } });
    await local.endFault(slow.id);
    expect((await made).status).toBe(0);
  });

  test('has watches fall silent, and cuts them at its end', async () => {
    const watch = await local.watchConfigMaps();
    const { id } = await local.fault({ kind: 'api-black-hole', target: { methods: ['GET'] } });
    await local.createConfigMap('unseen');
    await local.endFault(id);
    await expect(watch.rest()).rejects.toThrow();
  });
});

describe('storms', () => {
  test('409 meets updates alone, in the words of Kubernetes, and changes nothing', async () => {
    await local.createConfigMap('chart');
    await local.fault({ kind: 'conflict-storm', count: 2, target: { resource: 'configmaps' } });
    expect((await local.request('GET', '/api/v1/namespaces/default/configmaps/chart')).status).toBe(200);
    const refused = await local.patchConfigMap('chart', 'new');
    expect(refused).toMatchObject({ status: 409, body: { kind: 'Status', reason: 'Conflict' } });
    expect(refused.body.details).toEqual({ name: 'chart', kind: 'configmaps' });
    expect((await local.patchConfigMap('chart', 'new')).status).toBe(409);
    expect((await local.patchConfigMap('chart', 'newer')).body.data).toEqual({ value: 'newer' });
  });

  test.each([
    [500, 'InternalError', null],
    [503, 'ServiceUnavailable', null],
    [429, 'TooManyRequests', '1'],
  ])('%d comes as %s', async (status, reason, retryAfter) => {
    await local.fault({ kind: 'error-storm', status, count: 1, target: { methods: ['POST'] } });
    const refused = await local.createConfigMap(`storm-${status}`);
    expect(refused).toMatchObject({ status, body: { kind: 'Status', reason, code: status } });
    expect(refused.headers.get('retry-after')).toBe(retryAfter);
    expect(local.object('configmaps', `storm-${status}`)).toBeUndefined();
    expect((await local.createConfigMap(`storm-${status}`)).status).toBe(201);
  });

  test('meets only the clients it is aimed at', async () => {
    await local.fault({ kind: 'error-storm', target: { userAgent: 'allocator' } });
    const as = (agent: string) => local.request('GET', '/version', undefined, { 'user-agent': agent });
    expect((await as('regatta-allocator/1.0')).status).toBe(503);
    expect((await as('kubectl/v1.34')).status).toBe(200);
  });
});

import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { listRegions, measureRegions } from './regions.ts';
import { Harbour, problem } from './testing/harbour.ts';

/** A real server that answers pings after some time, each time after the next of `delaysMs`; the last one stays. */
class PingTarget {
  pings = 0;
  underWay = 0;
  mostAtOnce = 0;
  readonly #delaysMs: number[];
  readonly #server: Server;

  constructor(delaysMs: number[]) {
    this.#delaysMs = [...delaysMs];
    this.#server = createServer((_request, response) => {
      this.pings += 1;
      this.underWay += 1;
      this.mostAtOnce = Math.max(this.mostAtOnce, this.underWay);
      const delayMs = this.#delaysMs.length > 1 ? this.#delaysMs.shift() : this.#delaysMs[0];
      const timer = setTimeout(() => {
        this.underWay -= 1;
        response.end('pong');
      }, delayMs);
      response.on('close', () => {
        clearTimeout(timer);
      });
    });
  }

  async open(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/ping`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

let targets: PingTarget[] = [];
let harbour: Harbour;
beforeEach(async () => {
  harbour = await Harbour.open();
});
afterEach(async () => {
  await harbour.close();
  for (const target of targets) await target.close();
  targets = [];
});

async function target(...delaysMs: number[]): Promise<{ target: PingTarget; pingUrl: string }> {
  const made = new PingTarget(delaysMs);
  targets.push(made);
  return { target: made, pingUrl: await made.open() };
}

describe('the regions', () => {
  it('are those that the allocator tells, and nothing that is none', async () => {
    const regions = [{ name: 'europe', pingUrl: 'https://eu.example.com/ping' }, { name: 'asia' }];
    harbour.answers = [{ status: 200, body: JSON.stringify([...regions, { nothing: 1 }, 'x']) }];
    expect(await listRegions({ baseUrl: harbour.url })).toEqual(regions);
    expect(harbour.heard[0]).toMatchObject({ method: 'GET', path: '/api/regions' });
  });

  it.each([
    ['the problem', problem(503, 'draining'), 'draining'],
    ['no list', { status: 200, body: '{}' }, 'unexpected_answer'],
  ])('are not there where the answer is %s', async (_what, answer, code) => {
    harbour.answers = [answer];
    await expect(listRegions({ baseUrl: harbour.url })).rejects.toMatchObject({ code });
  });
});

describe('measuring them', () => {
  it('gives the median of a few pings of each, one after the other, all regions at once', async () => {
    const near = await target(400, 1, 300, 1);
    const far = await target(60);
    harbour.answers = [
      {
        status: 200,
        body: JSON.stringify([
          { name: 'near', pingUrl: near.pingUrl },
          { name: 'far', pingUrl: far.pingUrl },
          { name: 'dumb' },
        ]),
      },
    ];
    const measured = await measureRegions({ baseUrl: harbour.url, timeoutMs: 30_000 });
    expect(Object.keys(measured).toSorted()).toEqual(['far', 'near']);
    expect(measured['far']).toBeGreaterThanOrEqual(59);
    expect(measured['near']).toBeLessThan(300);
    for (const { target: each } of [near, far]) expect([each.pings, each.mostAtOnce]).toEqual([4, 1]);
  });

  it('leaves out what does not answer in time, and counts the pings that came back', async () => {
    const silent = await target(60_000);
    const slowing = await target(1, 1, 60_000);
    const regions = [
      { name: 'silent', pingUrl: silent.pingUrl },
      { name: 'slowing', pingUrl: slowing.pingUrl },
      { name: 'gone', pingUrl: 'http://127.0.0.1:9/ping' },
    ];
    const measured = await measureRegions({ regions, timeoutMs: 1000 });
    expect(Object.keys(measured)).toEqual(['slowing']);
    expect(harbour.heard).toEqual([]);
  });

  it('ends at once when it is aborted', async () => {
    const { pingUrl } = await target(60_000);
    const abort = new AbortController();
    const measuring = measureRegions({ regions: [{ name: 'a', pingUrl }], timeoutMs: 60_000, signal: abort.signal });
    while ((targets[0]?.pings ?? 0) === 0) await new Promise((resolve) => setImmediate(resolve));
    abort.abort();
    await expect(measuring).rejects.toMatchObject({ name: 'AbortError' });
  });
});

import { systemClock } from '../lib/clock.ts';
import { generateKeys, parseKeySet } from '../lib/key-set.ts';
import { silentLogger } from '../lib/logger.ts';
import { parseNetworks } from './networks.ts';
import { RouteAuthority } from './route-authority.ts';
import { closeAll, closing, openTcpServer, tokenSource } from './testing/front-door.ts';

const keys = generateKeys();
const tokens = tokenSource(keys);
let url: string;

beforeEach(async () => {
  const authority = new RouteAuthority({
    port: 0,
    listenAddress: '127.0.0.1',
    sealingKeys: parseKeySet(keys.sealing, 'seal', 'sealing'),
    isAllowed: parseNetworks('127.0.0.0/8,fc00::/7'),
    clock: systemClock,
    logger: silentLogger,
  });
  url = `http://127.0.0.1:${await authority.listen()}`;
  closing(() => authority.close());
});

afterEach(closeAll);

/** As nginx and HAProxy ask. */
async function askFor(target: string): Promise<Response> {
  return fetch(`${url}/route`, { headers: { 'x-original-uri': target } });
}

describe('the authority of a stock proxy', () => {
  it('tells where a session is, and what its GameServer is to be asked, without going there', async () => {
    let connections = 0;
    const port = await openTcpServer(() => (connections += 1));
    const { path, seatToken } = await tokens.issue(port);
    const answer = await askFor(`${path}&lag=5`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-regatta-upstream')).toBe(`127.0.0.1:${port}`);
    expect(answer.headers.get('x-regatta-target')).toBe(`/session/abcdefghijklmnop?token=${seatToken}&lag=5`);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(await answer.text()).toBe('');
    expect(connections).toBe(0);
  });

  it("takes the target behind its own path too, as Envoy asks, with any method, and not a stranger's header then", async () => {
    const { path } = await tokens.issue(7000);
    const other = await tokens.issue(7001);
    const headers = { 'x-original-uri': other.path };
    for (const method of ['GET', 'POST', 'HEAD']) {
      const answer = await fetch(`${url}/route${path}`, { method, headers });
      expect([answer.status, answer.headers.get('x-regatta-upstream')]).toEqual([200, '127.0.0.1:7000']);
    }
  });

  it('writes an IPv6 address so that a port can follow', async () => {
    const { path } = await tokens.issue(7000, { address: 'fd00::7' });
    expect((await askFor(path)).headers.get('x-regatta-upstream')).toBe('[fd00::7]:7000');
  });

  it('refuses what the door refuses, with the same problem, by 401 or 403', async () => {
    const { path } = await tokens.issue(7000);
    const forged = await tokenSource(generateKeys()).issue(7000);
    const expired = await tokens.issue(7000, { livesSeconds: -60 });
    const cases = [
      [forged.path, 401, 'token_invalid'],
      [expired.path, 401, 'token_expired'],
      ['/session/abcdefghijklmnop', 401, 'token_missing'],
      [path.replace('abcdefghijklmnop', 'ponmlkjihgfedcba'), 403, 'token_not_for_session'],
      ['/api/new-game', 403, 'not_found'],
      [`${path}&token=second`, 403, 'invalid_request'],
      ['', 403, 'not_found'],
    ] as const;
    for (const [target, status, code] of cases) {
      const answer = await askFor(target);
      expect([answer.status, answer.headers.get('x-regatta-code')]).toEqual([status, code]);
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      expect(await answer.json()).toMatchObject({ code });
      expect(answer.headers.get('x-regatta-upstream')).toBeNull();
    }
  });

  it('gives no way into a network that is not allowed', async () => {
    const { path } = await tokens.issue(80, { address: '169.254.169.254' });
    const answer = await askFor(path);
    expect([answer.status, await answer.json()]).toMatchObject([502, { code: 'route_not_allowed' }]);
    expect(answer.headers.get('x-regatta-upstream')).toBeNull();
  });

  it('knows no other path', async () => {
    for (const path of ['/', '/routes', '/healthz']) {
      expect((await fetch(`${url}${path}`)).status).toBe(403);
    }
  });
});

import fc from 'fast-check';
import { systemClock } from '../lib/clock.ts';
import type { Clock } from '../lib/clock.ts';
import { generateKeys } from '../lib/key-set.ts';
import {
  closeAll,
  openAllocator,
  openFrontDoor,
  openGameServer,
  openWebSocket,
  refusalOf,
  tokenSource,
} from './testing/front-door.ts';

afterEach(closeAll);

async function openSession(environment: Record<string, string> = {}) {
  const gameServer = await openGameServer();
  const door = await openFrontDoor(environment);
  const { path } = await door.tokens.issue(gameServer.port);
  return { gameServer, door, path, url: `${door.url}${path}` };
}

describe('a token', () => {
  const offBy = (seconds: number): Clock => ({ ...systemClock, nowMs: () => Date.now() + seconds * 1000 });

  it('is expired for a gateway whose clock is five minutes ahead, and good for one that is five minutes behind', async () => {
    const gameServer = await openGameServer();
    const ahead = await openFrontDoor({}, { clock: offBy(300) });
    const early = await ahead.tokens.issue(gameServer.port);
    await expect(refusalOf(`${ahead.url}${early.path}`)).resolves.toMatchObject({
      status: 401,
      problem: { code: 'token_expired' },
    });
    expect(gameServer.connections).toBe(0);
    const behind = await openFrontDoor({}, { clock: offBy(-300) });
    const late = await behind.tokens.issue(gameServer.port);
    await openWebSocket(`${behind.url}${late.path}`);
    // The game server has a clock of its own, and the last word.
    expect(gameServer.connections).toBe(1);
  });

  it('with a key id that nobody knows, or none, or no part of it right, is not valid, and nothing upstream is asked', async () => {
    const { door, gameServer, path } = await openSession();
    const [head = '', token = ''] = path.split('token=');
    const parts = token.split('.');
    const withHeader = (header: object): string =>
      [Buffer.from(JSON.stringify(header)).toString('base64url'), ...parts.slice(1)].join('.');
    const bad = [
      withHeader({ alg: 'dir', enc: 'A256GCM', kid: 'nobody' }),
      withHeader({ alg: 'dir', enc: 'A256GCM' }),
      withHeader({ alg: 'none' }),
      withHeader({ alg: 'RSA-OAEP', enc: 'A256GCM', kid: 'nobody' }),
      (await tokenSource(generateKeys()).issue(gameServer.port)).sealed,
      '....',
      'x'.repeat(8000),
      parts.slice(0, 4).join('.'),
    ];
    for (const sealed of bad) {
      await expect(refusalOf(`${door.url}${head}token=${sealed}`)).resolves.toMatchObject({
        status: 401,
        problem: { code: 'token_invalid' },
      });
    }
    await fc.assert(
      fc.asyncProperty(
        fc.nat(token.length - 1),
        fc.constantFrom('A', 'Q', 'g', 'w', '-', '_', '0', '9'),
        async (index, character) => {
          fc.pre(token[index] !== character && token[index] !== '.');
          const altered = token.slice(0, index) + character + token.slice(index + 1);
          const answer = await fetch(`${door.url}${head}token=${altered}`);
          // The last character of a part has bits that count for nothing.
          const isLast = token[index + 1] === '.' || index === token.length - 1;
          if (!isLast) expect(((await answer.json()) as { code: string }).code).toBe('token_invalid');
        },
      ),
      { seed: 3, numRuns: 60 },
    );
    expect(gameServer.connections).toBe(0);
  });

  it.each([
    ['a public address', '203.0.113.1'],
    ['where clouds keep credentials', '169.254.169.254'],
    ['a public address in the dress of IPv6', '::ffff:203.0.113.1'],
  ])(
    'whose route leads to a network that is not allowed, %s, has a code of its own, and nothing is connected to',
    async (_name, address) => {
      const door = await openFrontDoor();
      const { path } = await door.tokens.issue(80, { address });
      const expected = { status: 502, problem: { code: 'route_not_allowed', retryable: false } };
      await expect(refusalOf(`${door.url}${path}`)).resolves.toMatchObject(expected);
      const plain = await fetch(`${door.url}${path}`);
      expect([plain.status, await plain.json()]).toMatchObject([502, { code: 'route_not_allowed' }]);
    },
  );

  it('whose route leads to an address of this machine that is not allowed makes no connection there', async () => {
    const { door, path, gameServer, url } = await openSession({ ALLOWED_NETWORKS: '10.0.0.0/8' });
    await expect(refusalOf(url)).resolves.toMatchObject({ problem: { code: 'route_not_allowed' } });
    await fetch(`${door.url}${path}`);
    expect(gameServer.connections).toBe(0);
  });
});

describe('a page of another origin than the gateway', () => {
  it.each([
    ['no token', '/session/abcdefghijklmnop', 'token_missing'],
    ['a token that is none', '/session/abcdefghijklmnop?token=x', 'token_invalid'],
  ])('may read why its upgrade was refused for %s', async (_name, path, code) => {
    const door = await openFrontDoor();
    const answer = await fetch(`${door.url}${path}`, { headers: { origin: 'https://page.example' } });
    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    expect(answer.headers.get('access-control-expose-headers')).toBe('retry-after');
    expect(((await answer.json()) as { code: string }).code).toBe(code);
  });

  it('may read that its URL is in order', async () => {
    const { url } = await openSession();
    const answer = await fetch(url);
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([426, '*']);
  });

  it('may read nothing of what the allocator answers that the allocator did not allow', async () => {
    const allocator = await openAllocator((_request, response) => response.end('secret'));
    const door = await openFrontDoor({ ALLOCATOR_URL: allocator });
    expect((await fetch(`${door.url}/api/new-game`)).headers.get('access-control-allow-origin')).toBeNull();
  });
});

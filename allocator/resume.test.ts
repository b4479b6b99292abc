import { JoinTokenIssuer } from '../lib/join-token.ts';
import { generateKeys, parseKeySet } from '../lib/key-set.ts';
import type { GeneratedKeys } from '../lib/key-set.ts';
import { createLogger } from '../lib/logger.ts';
import { formatSessionReport, SESSION_REPORT_ANNOTATION } from '../lib/session-report.ts';
import type { SessionStep } from '../lib/session-report.ts';
import { parseSessionDescriptor, SESSION_KEY } from '../lib/session.ts';
import type { SessionDescriptor } from '../lib/session.ts';
import type { KubernetesEndpoint } from './testing/kubernetes-endpoint.ts';
import { readSeatOf } from './testing/read-seat.ts';
import { startTestAllocator, until } from './testing/running-allocator.ts';
import type { TestAllocator, TestAnswer } from './testing/running-allocator.ts';

let allocator: TestAllocator;
afterEach(() => allocator.stop());

function boats(count: number): (kubernetes: KubernetesEndpoint) => void {
  return (kubernetes) => {
    kubernetes.addFleet('boats', 'boat-race', 8);
    for (let index = 0; index < count; index += 1) kubernetes.addGameServer(`boats-${index}`, 'boat-race');
  };
}

const start = (count: number, environment: Record<string, string> = {}) =>
  startTestAllocator(boats(count), { ALLOCATE_BY: 'Patch', ...environment });

/** A session in play, and what one of its players has of it. */
interface Played {
  sessionId: string;
  gameServer: string;
  token: string;
}

function tokenOf(wsUrl: string): string {
  return new URL(wsUrl).searchParams.get('token') ?? '';
}

async function play(playerId = 'ann'): Promise<Played> {
  const { body } = await allocator.post('/api/new-game', { playerId });
  await until(() => sessionAt(body.allocation.gameServer) === body.sessionId);
  return { sessionId: body.sessionId, gameServer: body.allocation.gameServer, token: tokenOf(body.wsUrl) };
}

async function joined(sessionId: string, playerId: string): Promise<string> {
  const { body } = await allocator.post(`/api/sessions/${sessionId}/join`, { playerId });
  return tokenOf(body.wsUrl);
}

function resume(sessionId: string, token: string, headers: Record<string, string> = {}, by = allocator) {
  return by.post(`/api/sessions/${sessionId}/resume`, { token }, headers);
}

function sessionAt(name: string): string | undefined {
  return allocator.kubernetes.gameServer(name)?.metadata.labels[SESSION_KEY];
}

function allocated(): string[] {
  return allocator.kubernetes
    .gameServers()
    .filter(({ status }) => status?.state === 'Allocated')
    .map(({ metadata }) => metadata.name);
}

/** Waits until the allocator knows that the session runs no more. */
async function isKnownOver(sessionId: string): Promise<void> {
  for (;;) {
    const { state } = (await (await fetch(`${allocator.url}/api/sessions/${sessionId}`)).json()) as { state: string };
    if (state === 'over') return;
  }
}

async function lose({ sessionId, gameServer }: Pick<Played, 'sessionId' | 'gameServer'>): Promise<void> {
  allocator.kubernetes.setState(gameServer, 'Unhealthy');
  await isKnownOver(sessionId);
}

function report({ sessionId, gameServer }: Played, step: SessionStep): void {
  const text = formatSessionReport({ sessionId, step });
  allocator.kubernetes.annotate(gameServer, { [SESSION_REPORT_ANNOTATION]: text });
}

describe('resume, while the session runs', () => {
  it('gives the same player a fresh seat in the same session, as often as it is asked', async () => {
    allocator = await start(2);
    const { sessionId, token } = await play('ann');
    for (let time = 0; time < 3; time += 1) {
      const { status, headers, body } = await resume(sessionId, token);
      expect(status).toBe(201);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(Object.keys(body).toSorted()).toEqual(['expiresAt', 'sessionId', 'wsUrl']);
      expect(body.sessionId).toBe(sessionId);
      expect(await readSeatOf(allocator.keys, body.wsUrl)).toMatchObject({ playerId: 'ann', session: { sessionId } });
    }
    expect(allocated()).toHaveLength(1);
  });

  it('takes a token whose time to connect is over', async () => {
    allocator = await start(1);
    const { sessionId, gameServer } = await play();
    const expired = await makeToken(allocator.keys, descriptorAt(gameServer), Date.now() / 1000 - 3600);
    expect((await resume(sessionId, expired)).body.sessionId).toBe(sessionId);
  });

  it('waits a moment for a loss that the player saw first, and no longer', async () => {
    allocator = await start(3, { LOSS_NOTICE_MS: '400' });
    const played = await play();
    const ask = () =>
      allocator.post(`/api/sessions/${played.sessionId}/resume`, { token: played.token, closeCode: 4007 });
    expect((await ask()).body.sessionId).toBe(played.sessionId);
    const startedAtMs = Date.now();
    const answer = allocator.post(
      `/api/sessions/${played.sessionId}/resume`,
      { token: played.token, closeCode: 4007 },
      { prefer: 'wait=0' },
    );
    expect((await answer).body.sessionId).toBe(played.sessionId);
    expect(Date.now() - startedAtMs).toBeLessThan(400);
    const back = ask();
    setTimeout(() => allocator.kubernetes.setState(played.gameServer, 'Unhealthy'), 50);
    expect((await back).body.sessionId).not.toBe(played.sessionId);
  });

  it('tells the GameServer itself in direct mode', async () => {
    allocator = await start(1, { DIRECT_MODE: 'true' });
    const { sessionId, token } = await play();
    const { body } = await resume(sessionId, token);
    expect(body).toMatchObject({ address: '203.0.113.7', ports: [{ name: 'game' }], token: expect.any(String) });
  });
});

describe('resume, when the GameServer of the session was lost', () => {
  it('gives all its players seats in one new session of the same game', async () => {
    allocator = await start(3);
    const first = await play('ann');
    const second = await joined(first.sessionId, 'bob');
    await lose(first);
    const ann = await resume(first.sessionId, first.token);
    const bob = await resume(first.sessionId, second);
    const again = await resume(first.sessionId, first.token);
    expect([ann.status, bob.status, again.status]).toEqual([201, 201, 201]);
    expect(ann.body.sessionId).not.toBe(first.sessionId);
    expect([bob.body.sessionId, again.body.sessionId]).toEqual([ann.body.sessionId, ann.body.sessionId]);
    const seats = await Promise.all([ann, bob].map(({ body }) => readSeatOf(allocator.keys, body.wsUrl)));
    expect(seats.map(({ playerId }) => playerId)).toEqual(['ann', 'bob']);
    expect(seats[1]?.session).toEqual(seats[0]?.session);
    expect(seats[0]?.session).toMatchObject({ game: 'boat-race', mode: 'exclusive', seats: 8 });
    expect(seats[0]?.gameServerUid).not.toBe(`uid-${first.gameServer}`);
    expect(allocated()).toHaveLength(1);
  });

  it('makes one session for fifty players who come at once', async () => {
    allocator = await start(20);
    const first = await play('player-0');
    const others = await Promise.all(
      Array.from({ length: 49 }, (_, index) => joined(first.sessionId, `player-${index + 1}`)),
    );
    await lose(first);
    const answers = await Promise.all([first.token, ...others].map((token) => resume(first.sessionId, token)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(answers.map(({ body }) => body.sessionId)).size).toBe(1);
    const seats = await Promise.all(answers.map(({ body }) => readSeatOf(allocator.keys, body.wsUrl)));
    expect(new Set(seats.map(({ playerId }) => playerId)).size).toBe(50);
    expect(allocated()).toHaveLength(1);
  });

  const asIf = (name: string, makeItSo: (played: Played) => void): [string, (played: Played) => void] => [
    name,
    makeItSo,
  ];

  it.each([
    asIf('its process or its Pod went', ({ gameServer }) => allocator.kubernetes.setState(gameServer, 'Unhealthy')),
    asIf('Agones met a fault', ({ gameServer }) => allocator.kubernetes.setState(gameServer, 'Error')),
    asIf('somebody deleted it', ({ gameServer }) => allocator.kubernetes.delete(gameServer)),
    asIf('it said that it has to stop', (played) => {
      report(played, 'stopped');
    }),
    asIf('it said that it has to stop, and did', (played) => {
      report(played, 'stopped');
      allocator.kubernetes.setState(played.gameServer, 'Shutdown');
    }),
  ])('counts as lost: %s', async (_name, makeItSo) => {
    allocator = await start(2);
    const played = await play();
    makeItSo(played);
    await isKnownOver(played.sessionId);
    const { status, body } = await resume(played.sessionId, played.token);
    expect(status).toBe(201);
    expect(body.sessionId).not.toBe(played.sessionId);
  });

  it.each([
    asIf('its game server said Shutdown', ({ gameServer }) => allocator.kubernetes.setState(gameServer, 'Shutdown')),
    asIf('it is Ready for another', ({ gameServer }) => allocator.kubernetes.setState(gameServer, 'Ready')),
    asIf('it said that the session had ended', (played) => {
      report(played, 'ended');
    }),
  ])('counts as over: %s', async (_name, makeItSo) => {
    allocator = await start(2);
    const played = await play();
    makeItSo(played);
    await isKnownOver(played.sessionId);
    const { status, body } = await resume(played.sessionId, played.token);
    expect(status).toBe(410);
    expect(body).toMatchObject({ code: 'session_over', retryable: false });
    expect(allocated().filter((name) => name !== played.gameServer)).toEqual([]);
  });

  it('counts as lost for an allocator that began after it had gone, and its players meet all the same', async () => {
    allocator = await start(4);
    const played = await play('ann');
    const second = await joined(played.sessionId, 'bob');
    const { kubernetes, keys } = allocator;
    kubernetes.delete(played.gameServer);
    const successor = await startTestAllocator(() => {}, { ALLOCATE_BY: 'Patch' }, undefined, { kubernetes, keys });
    try {
      const ann = await resume(played.sessionId, played.token, {}, successor);
      const third = await startTestAllocator(() => {}, { ALLOCATE_BY: 'Patch' }, undefined, { kubernetes, keys });
      try {
        const bob = await resume(played.sessionId, second, {}, third);
        expect([ann.status, bob.status]).toEqual([201, 201]);
        expect(bob.body.sessionId).toBe(ann.body.sessionId);
      } finally {
        await third.stop();
      }
    } finally {
      await successor.stop();
    }
    expect(allocated()).toHaveLength(1);
  });

  it('goes before all who wait for their first session', async () => {
    allocator = await start(1, { MAX_PAUSE_MS: '10000', FIRST_PAUSE_MS: '10000' });
    const played = await play();
    const order: string[] = [];
    const noted = (name: string, answer: Promise<TestAnswer>) => answer.then(() => order.push(name));
    const waits = { prefer: 'wait=30' };
    const others = ['first', 'second'].map(async (playerId, index) => {
      await waiting(index);
      await noted(playerId, allocator.post('/api/new-game', { playerId }, waits));
    });
    await waiting(2);
    await lose(played);
    const back = noted('back', resume(played.sessionId, played.token, waits));
    await waiting(3);
    for (let served = 1; served <= 3; served += 1) {
      allocator.kubernetes.addGameServer(`new-${served}`, 'boat-race');
      await until(() => order.length === served);
    }
    await Promise.all([...others, back]);
    expect(order).toEqual(['back', 'first', 'second']);
  });

  it('waits no longer than it is told to, says its place, and may be asked again', async () => {
    allocator = await start(1);
    const played = await play();
    await lose(played);
    const refused = await resume(played.sessionId, played.token, { prefer: 'wait=1' });
    expect(refused.status).toBe(503);
    expect(refused.headers.get('preference-applied')).toBe('wait=1');
    expect(refused.body).toMatchObject({ code: 'no_capacity', retryable: true, position: 1 });
    allocator.kubernetes.addGameServer('new', 'boat-race');
    const { status, body } = await resume(played.sessionId, played.token);
    expect(status).toBe(201);
    expect(sessionAt('new')).toBe(body.sessionId);
  });

  it('leads to the newest, when the session that came in its place was lost as well', async () => {
    allocator = await start(3);
    const played = await play();
    await lose(played);
    const { body: second } = await resume(played.sessionId, played.token);
    const [secondServer = ''] = allocated();
    await lose({ sessionId: second.sessionId, gameServer: secondServer });
    const { body: third } = await resume(second.sessionId, tokenOf(second.wsUrl));
    const { body: fromTheFirst } = await resume(played.sessionId, played.token);
    expect(new Set([played.sessionId, second.sessionId, third.sessionId]).size).toBe(3);
    expect(fromTheFirst.sessionId).toBe(third.sessionId);
  });

  it('ends where game server after game server is lost', async () => {
    allocator = await start(20);
    const played = await play();
    let lost: Pick<Played, 'sessionId' | 'gameServer'> = played;
    let statuses: number[] = [];
    for (let time = 0; time < 12; time += 1) {
      await lose(lost);
      const { status, body } = await resume(played.sessionId, played.token);
      statuses = [...statuses, status];
      if (status !== 201) break;
      await until(() => allocated().length === 1);
      lost = { sessionId: body.sessionId, gameServer: allocated()[0] ?? '' };
    }
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 201), 410]);
    expect(allocated()).toEqual([]);
  });

  it('is where the lost one was, while there is one', async () => {
    allocator = await startTestAllocator(
      (kubernetes) => {
        kubernetes.addFleet('boats', 'boat-race', 8);
        for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) {
          const region = name < 'e' ? 'south' : 'north';
          kubernetes.addGameServer(name, 'boat-race', { labels: { 'regatta.dev/region': region } });
        }
      },
      { ALLOCATE_BY: 'Patch' },
    );
    const { body } = await allocator.post('/api/new-game', { playerId: 'ann', region: 'north' });
    const { gameServer } = body.allocation;
    expect(['e', 'f']).toContain(gameServer);
    await until(() => sessionAt(gameServer) === body.sessionId);
    await lose({ sessionId: body.sessionId, gameServer });
    await resume(body.sessionId, tokenOf(body.wsUrl));
    expect(['e', 'f']).toContain(allocated()[0]);
  });
});

describe('resume of a session on a shared GameServer', () => {
  const startShared = () =>
    startTestAllocator(
      (kubernetes) => {
        kubernetes.addFleet('halls', 'quiz', 4, { capacity: 5 });
        for (const name of ['hall-0', 'hall-1']) {
          kubernetes.addGameServer(name, 'quiz', { fleet: 'halls', capacity: 5, seats: 4 });
        }
      },
      { ALLOCATE_BY: 'Patch' },
    );

  it.each([
    ['with its GameServer: lost', 'Shutdown', 201],
    ['from the List: over', 'Allocated', 410],
  ])('went %s', async (_name, state, wanted) => {
    allocator = await startShared();
    const { sessionId, gameServer, token } = await playShared();
    if (state === 'Allocated') allocator.kubernetes.setSessions(gameServer, []);
    else allocator.kubernetes.setState(gameServer, state);
    await isKnownOver(sessionId);
    const { status, body } = await resume(sessionId, token);
    expect(status).toBe(wanted);
    if (status === 201)
      expect(await readSeatOf(allocator.keys, body.wsUrl)).toMatchObject({ session: { mode: 'shared' } });
  });

  async function playShared(): Promise<Played> {
    const { body } = await allocator.post('/api/new-game', { playerId: 'ann' });
    const { gameServer } = body.allocation;
    expect(allocator.kubernetes.sessionsOn(gameServer)).toEqual([body.sessionId]);
    return { sessionId: body.sessionId, gameServer, token: tokenOf(body.wsUrl) };
  }
});

describe('resume with a token that proves nothing', () => {
  const logged: string[] = [];

  it.each([
    ['none', () => undefined, 400, 'invalid_request'],
    ['one that is too long', () => 'a'.repeat(4097), 400, 'invalid_request'],
    ['one with a space', () => 'a b', 400, 'invalid_request'],
    ['nonsense', () => 'a.b.c', 401, 'token_invalid'],
    ['one that was altered', ({ token }: Played) => `${token.slice(0, -4)}AAAA`, 401, 'token_invalid'],
  ])('is refused: %s', async (_name, forge, status, code) => {
    allocator = await start(2);
    const played = await play();
    await lose(played);
    const answer = await allocator.post(`/api/sessions/${played.sessionId}/resume`, { token: forge(played) });
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(allocated()).toEqual([]);
  });

  it('is refused when it is sealed by us and its seat is signed by another', async () => {
    allocator = await start(2);
    const { sessionId, gameServer } = await play();
    const { sealing } = allocator.keys;
    const forged = await makeToken({ ...generateKeys(), sealing }, descriptorAt(gameServer), Date.now() / 1000 + 60);
    expect((await resume(sessionId, forged)).body.code).toBe('token_invalid');
  });

  it('is refused when it is for another session, or too old for any', async () => {
    allocator = await start(3, { MAX_SESSION_SECONDS: '60' });
    const [one, other] = [await play(), await play()];
    const misled = await resume(one.sessionId, other.token);
    expect([misled.status, misled.body.code]).toEqual([403, 'token_not_for_session']);
    const old = await makeToken(allocator.keys, descriptorAt(one.gameServer), Date.now() / 1000 - 90, 60);
    const late = await resume(one.sessionId, old);
    expect([late.status, late.body.code]).toEqual([401, 'token_expired']);
    expect((await resume('no-session', one.token)).body.code).toBe('session_not_found');
    expect(allocated()).toHaveLength(2);
  });

  it('is in no line of the log, nor in the answer', async () => {
    const logger = createLogger('allocator', 'debug', { write: (line: string) => void logged.push(line) });
    allocator = await startTestAllocator(boats(2), { ALLOCATE_BY: 'Patch' }, logger);
    const played = await play();
    await lose(played);
    const altered = `${played.token.slice(0, -4)}AAAA`;
    const answers = [await resume(played.sessionId, altered), await resume(played.sessionId, played.token)];
    expect(answers.map(({ status }) => status)).toEqual([401, 201]);
    expect(logged.some((line) => line.includes('/resume'))).toBe(true);
    expect(logged.join('\n')).not.toContain(played.token.slice(0, 80));
    expect(JSON.stringify(answers[0]?.body)).not.toContain(played.token.slice(0, 80));
  });
});

function descriptorAt(name: string): SessionDescriptor {
  const annotation = allocator.kubernetes.gameServer(name)?.metadata.annotations[SESSION_KEY];
  const session = parseSessionDescriptor(annotation);
  if (session === undefined) throw new Error(`${name} holds no session`);
  return session;
}

async function makeToken(
  keys: GeneratedKeys,
  session: SessionDescriptor,
  expiresAtSeconds: number,
  resumableSeconds = 7200,
): Promise<string> {
  const issuer = new JoinTokenIssuer({
    sealing: parseKeySet(keys.sealing, 'seal', 'sealing'),
    signing: parseKeySet(keys.signing, 'sign', 'signing'),
  });
  const seat = { playerId: 'ann', gameServerUid: 'uid', expiresAtSeconds: Math.floor(expiresAtSeconds), session };
  const target = {
    address: '10.1.2.3',
    port: 7000,
    resumableUntilSeconds: Math.floor(expiresAtSeconds) + resumableSeconds,
  };
  return (await issuer.issue(seat, target)).sealed;
}

async function waiting(count: number): Promise<void> {
  for (;;) {
    const text = await (await fetch(allocator.metricsUrl)).text();
    if (text.includes(`regatta_session_requests_waiting ${count}`)) return;
  }
}

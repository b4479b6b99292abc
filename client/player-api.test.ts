import { Harbour, problem } from './testing/harbour.ts';
import { keepAsking } from './keep-asking.ts';
import { joinSession, newGame, resumeSession } from './player-api.ts';
import { RegattaError } from './problem.ts';

const SEAT = {
  sessionId: 's1',
  wsUrl: 'ws://127.0.0.1:1/session/s1?token=t',
  expiresAt: '2026-01-01T00:00:00Z',
  game: 'boat-race',
  allocation: { durationMs: 12.5, gameServer: 'boat-race-1' },
};
const seated = { status: 201, body: JSON.stringify(SEAT) };

let harbour: Harbour;
beforeEach(async () => {
  harbour = await Harbour.open();
});
afterEach(() => harbour.close());

async function refusalOf(asking: Promise<unknown>): Promise<RegattaError> {
  const error = await asking.catch((reason: unknown) => reason);
  if (error instanceof RegattaError) return error;
  throw new Error('there was no refusal');
}

describe('asking for a game', () => {
  it('gives the seat, and says who plays what, under which key and how long it may wait', async () => {
    harbour.answers = [seated];
    const seat = await newGame({
      baseUrl: harbour.url,
      playerId: 'p1',
      game: 'boat-race',
      idempotencyKey: 'k1',
      waitSeconds: 20,
    });
    expect(seat).toEqual({
      sessionId: 's1',
      wsUrl: SEAT.wsUrl,
      expiresAt: SEAT.expiresAt,
      allocation: { durationMs: 12.5, gameServer: 'boat-race-1' },
    });
    const [heard] = harbour.heard;
    expect(heard).toMatchObject({ method: 'POST', path: '/api/new-game' });
    expect(heard?.headers).toMatchObject({
      'idempotency-key': 'k1',
      prefer: 'wait=20',
      'content-type': 'application/json',
    });
    expect(JSON.parse(heard?.body ?? '')).toEqual({ playerId: 'p1', game: 'boat-race' });
  });

  it('joins a session by its id, however it is spelled', async () => {
    harbour.answers = [{ status: 200, body: JSON.stringify({ ...SEAT, allocation: undefined }) }];
    const seat = await joinSession('a/b c', { baseUrl: harbour.url, playerId: 'p2' });
    expect(seat.allocation).toBeUndefined();
    expect(harbour.heard[0]?.path).toBe('/api/sessions/a%2Fb%20c/join');
  });

  it('tells all that a new game may be asked for, and nothing else', async () => {
    harbour.answers = [seated];
    const wishes = {
      playerId: 'p1',
      game: 'boat-race',
      region: 'europe',
      latencies: { europe: 20.5, asia: 180 },
      attributes: { level: 3, friends: ['a', 'b'] },
      exclude: ['boat-race-9'],
    };
    await newGame({ baseUrl: harbour.url, idempotencyKey: 'k1', waitSeconds: 1, ...wishes });
    expect(JSON.parse(harbour.heard[0]?.body ?? '')).toEqual(wishes);
  });

  it('comes back by the token of the seat it had, and goes where it is told', async () => {
    harbour.answers = [{ status: 201, body: JSON.stringify({ ...SEAT, sessionId: 's2', allocation: undefined }) }];
    const { wsUrl } = SEAT;
    const seat = await resumeSession('s1', { baseUrl: harbour.url, wsUrl, closeCode: 4007, waitSeconds: 5 });
    expect(seat.sessionId).toBe('s2');
    const [heard] = harbour.heard;
    expect(heard).toMatchObject({
      method: 'POST',
      path: '/api/sessions/s1/resume',
      body: '{"token":"t","closeCode":4007}',
    });
    expect(heard?.headers.prefer).toBe('wait=5');
    harbour.answers = [problem(410, 'session_over')];
    const refusal = await refusalOf(resumeSession('s1', { baseUrl: harbour.url, wsUrl }));
    expect(refusal).toMatchObject({ code: 'session_over', retryable: false });
  });

  it('throws the problem with its code, wait and place in line', async () => {
    harbour.answers = [problem(503, 'no_capacity', { position: 3 }, { 'retry-after': '2' })];
    const refusal = await refusalOf(newGame({ baseUrl: harbour.url, playerId: 'p1' }));
    expect(refusal).toMatchObject({
      code: 'no_capacity',
      status: 503,
      retryable: true,
      retryAfterMs: 2000,
      position: 3,
    });
  });

  it.each([
    ['a page of a proxy', { status: 502, body: '<html>bad gateway</html>' }, true],
    ['a code of nobody', problem(400, 'made_up'), false],
    ['a success without a session', { status: 200, body: '{}' }, false],
    ['a wsUrl that is none', { status: 200, body: JSON.stringify({ ...SEAT, wsUrl: 'javascript:1' }) }, false],
  ])('calls %s an unexpected answer', async (_what, answer, retryable) => {
    harbour.answers = [answer];
    const refusal = await refusalOf(newGame({ baseUrl: harbour.url, playerId: 'p1' }));
    expect(refusal).toMatchObject({ code: 'unexpected_answer', retryable });
  });

  it('calls it the network when nobody answers', async () => {
    const { url } = harbour;
    await harbour.close();
    expect(await refusalOf(newGame({ baseUrl: url, playerId: 'p1' }))).toMatchObject({
      code: 'network',
      retryable: true,
    });
    harbour = await Harbour.open();
  });
});

describe('keeping on asking', () => {
  const quick = { backoff: { baseMs: 1, capMs: 2 }, random: () => 0.5 };

  it('asks again under the same key until there is a seat, telling each refusal', async () => {
    harbour.answers = [problem(503, 'no_capacity'), problem(504, 'allocation_unknown'), seated];
    const told: string[] = [];
    const seat = await keepAsking(() => newGame({ baseUrl: harbour.url, playerId: 'p1', idempotencyKey: 'k' }), {
      signal: new AbortController().signal,
      onRefused: ({ code }) => told.push(code),
      ...quick,
    });
    expect(seat.sessionId).toBe('s1');
    expect(told).toEqual(['no_capacity', 'allocation_unknown']);
    expect(harbour.heard.map(({ headers }) => headers['idempotency-key'])).toEqual(['k', 'k', 'k']);
  });

  it('stops at a refusal that does not pass', async () => {
    harbour.answers = [problem(404, 'unknown_game')];
    const asking = keepAsking(() => newGame({ baseUrl: harbour.url, playerId: 'p1' }), {
      signal: new AbortController().signal,
      ...quick,
    });
    expect(await refusalOf(asking)).toMatchObject({ code: 'unknown_game' });
    expect(harbour.heard).toHaveLength(1);
  });

  it('gives up in time, with the last refusal', async () => {
    harbour.answers = [problem(503, 'overloaded')];
    const asking = keepAsking(() => newGame({ baseUrl: harbour.url, playerId: 'p1' }), {
      signal: new AbortController().signal,
      giveUpAfterMs: 1,
      ...quick,
    });
    expect(await refusalOf(asking)).toMatchObject({ code: 'overloaded' });
  });

  it('stops when the player has enough', async () => {
    harbour.answers = [problem(503, 'no_capacity', {}, { 'retry-after': '60' })];
    const abort = new AbortController();
    const asking = keepAsking(() => newGame({ baseUrl: harbour.url, playerId: 'p1', signal: abort.signal }), {
      signal: abort.signal,
      onRefused: () => abort.abort(),
      ...quick,
    });
    await expect(asking).rejects.toMatchObject({ name: 'AbortError' });
  });
});

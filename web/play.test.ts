import { factsLine, pageStateOf, statusOf, titleOfResult } from './page-state.ts';
import type { PageState } from './page-state.ts';
import { Play } from './play.ts';
import { courseToSteer, rudderToward } from './race/autopilot.ts';
import { ScriptedServer } from './testing/scripted-server.ts';

let server: ScriptedServer;
let play: Play;
let keys = 0;

let latencies: Record<string, number> = {};
afterEach(() => {
  latencies = {};
});

async function begin(options: { waitMs?: number; haste?: number } = {}): Promise<void> {
  server = await ScriptedServer.start(options);
  play = new Play({
    baseUrl: server.url,
    playerId: 'browser-tab',
    name: () => 'Puffin',
    nowMs: () => performance.now(),
    newKey: () => `key-${(keys += 1)}`,
    latencies: () => latencies,
    random: () => 0.01,
  });
}
afterEach(async () => {
  play.goHome();
  await server.stop();
});

/** Waits until the page shows it. */
async function until(wanted: PageState): Promise<void> {
  if (pageStateOf(play.state) === wanted) return;
  await new Promise<void>((resolve) => {
    const stop = play.subscribe(() => {
      if (pageStateOf(play.state) !== wanted) return;
      stop();
      resolve();
    });
  });
}

function raceOf(): Extract<Play['state'], { kind: 'playing' }>['race'] {
  if (play.state.kind !== 'playing') throw new Error(`there is no race: ${play.state.kind}`);
  return play.state.race;
}

describe('from click to race', () => {
  it('goes through each state in order, says hello by name and starts when told', async () => {
    await begin({ waitMs: 600_000, haste: 10 });
    const seen: PageState[] = [];
    play.subscribe(() => {
      const state = pageStateOf(play.state);
      if (seen.at(-1) !== state) seen.push(state);
    });
    play.newGame();
    await until('waiting');
    raceOf().start();
    await until('racing');
    expect(seen).toEqual(['connecting', 'waiting', 'countdown', 'racing']);
    expect(server.heard.map((text): unknown => JSON.parse(text))).toEqual([
      { type: 'hello', name: 'Puffin' },
      { type: 'start' },
    ]);
    expect(server.asked).toEqual([
      { path: '/api/new-game', body: { playerId: 'browser-tab' }, idempotencyKey: expect.stringMatching(/^key-/) },
    ]);
    expect(raceOf().nameOf(0)).toBe('Puffin');
    expect(play.sessionId).toBe('session-1');
  });

  it('asks for the regions that are near, as far as they are known by then', async () => {
    latencies = { europe: 12.5 };
    await begin();
    play.newGame();
    await until('waiting');
    expect(server.asked[0]?.body).toEqual({ playerId: 'browser-tab', latencies: { europe: 12.5 } });
  });

  it('tells how quickly the server was had, and which it is', async () => {
    await begin();
    play.newGame();
    await until('waiting');
    play.noteFirstFrame();
    expect(factsLine(play.facts)).toMatch(/^allocated in 7 ms · first frame after \d+ ms · boat-race-scripted-0$/);
  });

  it('does not take a last frame of the race before for the first of the next', async () => {
    await begin();
    play.newGame();
    await until('waiting');
    play.noteFirstFrame();
    play.newGame();
    play.noteFirstFrame();
    expect(play.facts.firstFrameMs).toBeUndefined();
    await until('waiting');
    play.noteFirstFrame();
    expect(play.facts.firstFrameMs).toBeGreaterThanOrEqual(0);
  });

  it('joins the race of an invitation', async () => {
    await begin();
    play.join('abc');
    await until('waiting');
    expect(server.asked).toEqual([
      { path: '/api/sessions/abc/join', body: { playerId: 'browser-tab' }, idempotencyKey: undefined },
    ]);
    expect(play.sessionId).toBe('abc');
  });

  it('waits in line kindly, then sails, under one key', async () => {
    await begin();
    server.refusals.push({ code: 'no_capacity', position: 3 });
    const told: string[] = [];
    play.subscribe(() => told.push(statusOf(play.state)));
    play.newGame();
    await until('waiting');
    await until('connecting');
    await until('waiting');
    expect(told.join('\n')).toContain('You are 3rd in line');
    expect(new Set(server.asked.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1);
  });

  it('steers no more often than the game ticks, and only when something changed', async () => {
    await begin({ waitMs: 1, haste: 40 });
    play.newGame();
    await until('racing');
    const race = raceOf();
    const nowMs = performance.now();
    race.steer({ rudder: 1, sheet: 1 }, nowMs);
    race.steer({ rudder: -1, sheet: 1 }, nowMs + 10);
    race.steer({ rudder: 1, sheet: 1 }, nowMs + 100);
    race.steer({ rudder: 0, sheet: 0.5 }, nowMs + 200);
    while (server.heard.length < 3) await new Promise((resolve) => setImmediate(resolve));
    expect(server.heard.slice(1).map((text): unknown => JSON.parse(text))).toEqual([
      { type: 'steer', rudder: 1, sheet: 1 },
      { type: 'steer', rudder: 0, sheet: 0.5 },
    ]);
  });

  it('shows the result, which stays when the session ends after it', async () => {
    await begin({ waitMs: 1, haste: 120 });
    play.newGame();
    await until('racing');
    let steeredDegrees: number | undefined;
    const sailing = setInterval(() => {
      const race = raceOf();
      const moment = race.sample(performance.now());
      const own = moment?.boats[0];
      if (moment === undefined || own === undefined || race.welcome === undefined) return;
      steeredDegrees = courseToSteer(own, race.welcome.course, moment.wind.fromDegrees, steeredDegrees);
      race.steer({ rudder: rudderToward(own.headingDegrees, steeredDegrees), sheet: 1 }, performance.now());
    }, 10);
    await until('finished');
    while (raceOf().placings === undefined) await new Promise((resolve) => setImmediate(resolve));
    clearInterval(sailing);
    expect(raceOf().placings).toHaveLength(4);
    expect(titleOfResult(raceOf())).toMatch(/^(You won the race|You came in \d\w\w|Out of time)$/);
    server.closeAll(4000);
    while (play.state.kind === 'playing' && !play.state.isLeft) await new Promise((resolve) => setImmediate(resolve));
    expect(pageStateOf(play.state)).toBe('finished');
  });
});

describe('when something goes wrong', () => {
  it('comes back to the race after a broken line', async () => {
    await begin();
    play.newGame();
    await until('waiting');
    const interrupted = new Promise<void>((resolve) => {
      const stop = play.subscribe(() => {
        if (play.state.kind !== 'playing' || !play.state.isInterrupted) return;
        stop();
        resolve();
      });
    });
    server.breakAll();
    await interrupted;
    expect(statusOf(play.state)).toContain('The line broke');
    while (play.state.kind === 'playing' && play.state.isInterrupted)
      await new Promise((resolve) => setImmediate(resolve));
    expect(pageStateOf(play.state)).toBe('waiting');
  });

  it('says why the door stayed shut', async () => {
    await begin();
    server.upgradeRefusal = 'token_invalid';
    play.newGame();
    await until('problem');
    expect(play.state).toMatchObject({ words: { title: 'Your boarding pass is not valid' } });
  });

  it('asks the same again after an invitation that could not be answered', async () => {
    await begin();
    server.refusals.push({ code: 'internal' });
    play.join('abc');
    await until('problem');
    expect(play.state).toMatchObject({ words: { step: 'try-again' } });
    play.tryAgain();
    await until('waiting');
    expect(server.asked.map(({ path }) => path)).toEqual(['/api/sessions/abc/join', '/api/sessions/abc/join']);
  });

  it('leaves everything behind on the way home', async () => {
    await begin();
    play.newGame();
    await until('waiting');
    play.goHome();
    expect(pageStateOf(play.state)).toBe('landing');
    while (server.connectionCount > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(play.sessionId).toBeUndefined();
  });
});

describe('when the server is lost', () => {
  it.each([4007, 4008])('goes on in the session that comes in its place after %d, in kind words', async (closeCode) => {
    await begin();
    play.newGame();
    await until('waiting');
    server.successorId = 'session-2';
    const told: string[] = [];
    play.subscribe(() => told.push(statusOf(play.state)));
    server.closeAll(closeCode);
    await untilInSession('session-2');
    expect(told[0]).toMatch(/^Your server went down\. A new one is on its way/);
    expect(server.asked.at(-1)).toMatchObject({
      path: '/api/sessions/session-1/resume',
      body: { token: 'scripted', closeCode },
    });
  });

  it('waits at the head of the line until there is one', async () => {
    await begin();
    play.newGame();
    await until('waiting');
    server.successorId = 'session-2';
    server.refusals.push({ code: 'no_capacity', position: 1 });
    const told: string[] = [];
    play.subscribe(() => told.push(statusOf(play.state)));
    server.closeAll(4007);
    await untilInSession('session-2');
    expect(told.join('\n')).toContain('You are 1st in line');
  });

  it('asks again while the allocator does not know of the loss', async () => {
    await begin();
    play.newGame();
    await until('waiting');
    server.upgradeRefusal = 'game_server_unreachable';
    server.refusedSessionId = 'session-1';
    server.closeAll(4007);
    while (resumesAsked() < 2) await new Promise((resolve) => setImmediate(resolve));
    server.successorId = 'session-2';
    await untilInSession('session-2');
  });

  it('gets a fresh seat when the old one has expired', async () => {
    await begin();
    server.upgradeRefusal = 'token_expired';
    play.newGame();
    while (resumesAsked() < 1) await new Promise((resolve) => setImmediate(resolve));
    server.upgradeRefusal = undefined;
    await until('waiting');
    await untilInSession('session-1');
  });

  it('says so when the race ended meanwhile, and a new game is one step away', async () => {
    await begin();
    play.newGame();
    await until('waiting');
    server.refusals.push({ code: 'session_over' });
    server.closeAll(4007);
    await until('problem');
    expect(play.state).toMatchObject({
      words: { title: 'The race is over', text: expect.stringContaining('while you were away'), step: 'new-game' },
    });
    play.newGame();
    await until('waiting');
  });

  it('gives up after a while, and says that a new game is one step away', async () => {
    await begin();
    play.newGame();
    await until('waiting');
    server.upgradeRefusal = 'game_server_unreachable';
    server.closeAll(4008);
    await until('problem');
    expect(play.state).toMatchObject({ words: { title: 'Your server does not answer', step: 'new-game' } });
    expect(resumesAsked()).toBe(8);
  }, 20_000);

  it('leaves a result on the screen', async () => {
    await begin({ waitMs: 1, haste: 400 });
    play.newGame();
    await until('finished');
    while (raceOf().placings === undefined) await new Promise((resolve) => setImmediate(resolve));
    server.closeAll(4008);
    while (play.state.kind === 'playing' && !play.state.isLeft) await new Promise((resolve) => setImmediate(resolve));
    expect(pageStateOf(play.state)).toBe('finished');
    expect(resumesAsked()).toBe(0);
  });
});

/** Waits until a race of this session is on the screen. */
async function untilInSession(sessionId: string): Promise<void> {
  while (play.state.kind !== 'playing' || play.sessionId !== sessionId) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function resumesAsked(): number {
  return server.asked.filter(({ path }) => path.endsWith('/resume')).length;
}

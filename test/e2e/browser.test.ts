import type { Browser, BrowserContext, Page } from 'playwright-core';
import { eventually } from '../helpers/conditions.ts';
import { LocalStack } from '../helpers/local-stack.ts';
import { findProgram } from '../helpers/requirements.ts';
import { joinSession, Sailor } from '../helpers/sailor.ts';
import { TcpDoor } from '../helpers/tcp-door.ts';
import { openBrowser } from './browser.ts';

const chromium = findProgram('chromium');
const OFFLINE_MS = 10_000;

/** Whether the player of the first boat is there, as another player sees it. */
function isManned(watcher: Sailor): boolean {
  return watcher.newest('roster')?.boats[0]?.isConnected === true;
}

const describeInBrowser = chromium === undefined ? describe.skip : describe;

describeInBrowser('the page in a browser', () => {
  let local: LocalStack;
  let browser: Browser;
  let context: BrowserContext;
  let faults: string[];

  beforeAll(async () => {
    local = await LocalStack.start({
      buffer: 3,
      gameServerEnvironment: {
        BOAT_RACE_LAPS: '1',
        // Whoever is in front by then has won.
        BOAT_RACE_MAX_LAP_MS: '25000',
        BOAT_RACE_WAIT_MS: '1500',
        BOAT_RACE_COUNTDOWN_MS: '500',
        // The race is over soon after the first boat is in, whoever it is.
        BOAT_RACE_FINISH_TIMEOUT_MS: '1000',
        BOAT_RACE_RESULT_MS: '5000',
      },
    });
    browser = await openBrowser(chromium ?? '');
  }, 90_000);

  afterAll(async () => {
    await browser.close();
    await local.stop();
  }, 30_000);

  beforeEach(async () => {
    faults = [];
    context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  });

  afterEach(async () => {
    await context.close();
  });

  async function openPage(path: string, origin = local.stack.url): Promise<Page> {
    const page = await context.newPage();
    page.on('pageerror', (error) => faults.push(error.message));
    await page.goto(`${origin}${path}`);
    return page;
  }

  const inState = (state: string): string => `[data-state="${state}"]`;

  it('plays a race from the click to the result, and another after Play again', async () => {
    const page = await openPage('/?autopilot=1');
    await page.getByTestId('new-game').click();
    await page.waitForSelector(inState('racing'), { timeout: 20_000 });
    expect(await page.getByTestId('facts').textContent()).toMatch(
      /allocated in \d+ ms.*first frame.*\d+ ms.*boat-race-/s,
    );
    await page.waitForSelector(inState('finished'), { timeout: 180_000 });
    expect(await page.getByTestId('result').isVisible()).toBe(true);
    await page.getByTestId('play-again').click();
    await page.waitForSelector(`${inState('countdown')}, ${inState('racing')}`, { timeout: 20_000 });
    expect(faults).toEqual([]);
  }, 240_000);

  it('brings two browsers into one race by invitation', async () => {
    const host = await openPage('/');
    await host.getByTestId('new-game').click();
    await host.waitForSelector(`${inState('countdown')}, ${inState('racing')}`, { timeout: 20_000 });
    const gameServer = /boat-race-\S+/.exec((await host.getByTestId('facts').textContent()) ?? '')?.[0];
    const invitation = new URL(host.url()).searchParams.get('join');
    expect(invitation).toMatch(/^[a-z0-9]+$/);

    const elsewhere = await browser.newContext();
    try {
      const guest = await elsewhere.newPage();
      await guest.goto(`${local.stack.url}/?join=${invitation}`);
      const start = guest.getByTestId('new-game');
      if (await start.isVisible()) await start.click();
      await guest.waitForSelector(`${inState('countdown')}, ${inState('racing')}`, { timeout: 20_000 });
      expect(await guest.getByTestId('facts').textContent()).toContain(gameServer);
    } finally {
      await elsewhere.close();
    }
    expect(faults).toEqual([]);
  }, 60_000);

  it('keeps the boat for a page whose network is gone for ten seconds in mid-race', async () => {
    // Chromium's offline mode stops new requests and tells the page; what is open breaks at the door.
    const network = await TcpDoor.open([Number(new URL(local.stack.url).port)]);
    try {
      let [sockets, welcomes] = [0, 0];
      context.on('page', (opened) =>
        opened.on('websocket', (socket) => {
          sockets += 1;
          socket.on('framereceived', ({ payload }) => {
            if (typeof payload === 'string' && payload.includes('"welcome"')) welcomes += 1;
          });
        }),
      );
      const page = await openPage('/?autopilot=1', `http://localhost:${network.port}`);
      await page.getByTestId('new-game').click();
      await page.waitForSelector(inState('racing'), { timeout: 20_000 });
      const sessionId = new URL(page.url()).searchParams.get('join') ?? '';
      const watcher = new Sailor((await joinSession(local.stack.url, sessionId, 'watcher')).wsUrl);
      await watcher.hear('state', ({ boats }) => (boats[0]?.[4] ?? 0) > 1, 20_000);

      await context.setOffline(true);
      network.shut();
      await page.getByText('The line broke').waitFor();
      await eventually('the boat drifts', 10_000, () => (isManned(watcher) ? undefined : true));
      await new Promise((resolve) => setTimeout(resolve, OFFLINE_MS));
      expect(await page.locator(inState('racing')).count()).toBe(1);
      network.unshut();
      await context.setOffline(false);

      await page.getByText('The line broke').waitFor({ state: 'detached' });
      await eventually('the boat is manned again', 10_000, () => (isManned(watcher) ? true : undefined));
      const { tick = 0 } = watcher.newest('state') ?? {};
      await watcher.hear('state', (state) => state.tick > tick && (state.boats[0]?.[8] ?? 0) > 0.5, 20_000);
      expect(await page.locator(inState('racing')).count()).toBe(1);
      expect(sockets).toBeGreaterThan(1);
      expect(welcomes).toBe(1);
      watcher.leave();
    } finally {
      await network.close();
    }
    expect(faults).toEqual([]);
  }, 90_000);
});

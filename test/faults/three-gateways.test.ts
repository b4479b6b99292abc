import { ThreeGateways } from '../helpers/three-gateways/three-gateways.ts';

const PLAYERS = 60;
const RESTARTS = 3;
/** Half of the players are on the gateway that goes next: so long that a second has a ninth of them. */
const DRAIN_SPREAD_MS = 4500;
const BACK_WITHIN_MS = 2000;
const MOST_IN_ONE_SECOND = 0.2;

let world: ThreeGateways;

beforeAll(async () => {
  world = await ThreeGateways.start({ players: PLAYERS, messagesPerSecond: 5, drainSpreadMs: DRAIN_SPREAD_MS });
}, 120_000);

afterAll(() => world.stop(), 30_000);

// `npm run bench -- reconnect` is the same with 500 players and twelve restarts.
it('gateways that restart one after the other cost a player no more than a moment, and no message', async () => {
  for (let restart = 0; restart < RESTARTS; restart += 1) await world.restart(restart);
  const figures = await world.figures();
  process.stderr.write(`${JSON.stringify(figures)}\n`);
  expect(figures).toMatchObject({ players: PLAYERS, lost: 0, doubled: 0, told: 0, gone: 0 });
  expect(figures.returns).toBeGreaterThanOrEqual(PLAYERS);
  expect(figures.backMs.max).toBeLessThan(BACK_WITHIN_MS);
  expect(figures.mostInOneSecond).toBeLessThanOrEqual(MOST_IN_ONE_SECOND);
}, 120_000);

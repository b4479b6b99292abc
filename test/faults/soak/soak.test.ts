import { jest } from '@jest/globals';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '../../../lib/seeded-random.ts';
import { runningOf } from '../../../local/testing/conditions.ts';
import { hasProcessFiles } from '../../helpers/requirements.ts';
import { filesOf, happen, soak } from './soak.ts';
import { FLEET_SIZE, SoakLocal } from './soak-local.ts';

const HAPPENINGS = Number(process.env['SOAK_HAPPENINGS'] ?? 150);
const SEED = Number(process.env['SOAK_SEED'] ?? 1);
const WHOLE_AND_REST_MS = 300_000;
const MOST_FOR_ONE_MS = 2000;

jest.setTimeout(WHOLE_AND_REST_MS + HAPPENINGS * MOST_FOR_ONE_MS);

/** Bounds on what may be more at the end than when it was warm: what grows with each happening would be far beyond. */
const MOST_MORE_HEAP_MB = 8;
const MOST_MORE_RSS_MB = 40;
/** A game that was just ended may have the timer of its grace. */
const MOST_MORE_TIMERS = 2;
const MAX_EVENTS = 2000;
/** Those that are kept, and of those that ended since the last one started. */
const MOST_LOGS_OF_ENDED = 10 + FLEET_SIZE;

const describeSoak = hasProcessFiles() ? describe : describe.skip;

let directory: string;
const started: SoakLocal[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'regatta-soak-'));
});

afterEach(async () => {
  for (const local of started.splice(0)) await local.end();
  rmSync(directory, { recursive: true, force: true });
});

const sayProgress = (line: string): void => {
  process.stderr.write(`soak ${SEED}: ${line}\n`);
};

describeSoak('the soak', () => {
  test(`after ${HAPPENINGS} random kills, faults and scale changes local is whole, and holds no more than before`, async () => {
    const report = await soak({
      stateDirectory: directory,
      seed: SEED,
      happenings: HAPPENINGS,
      onProgress: sayProgress,
    });
    sayProgress(JSON.stringify({ seconds: report.seconds, counts: report.counts }));
    const { before, after } = report;
    expect(after).toMatchObject({ children: FLEET_SIZE, games: FLEET_SIZE });
    expect(after.byKind).toEqual(before.byKind);
    expect(after.listeningPorts).toHaveLength(before.listeningPorts.length);
    expect(after.timers).toBeLessThanOrEqual(before.timers + MOST_MORE_TIMERS);
    expect(after.heapMb - before.heapMb).toBeLessThan(MOST_MORE_HEAP_MB);
    expect(after.rssMb - before.rssMb).toBeLessThan(MOST_MORE_RSS_MB);
    expect(after.objects).toMatchObject({
      fleets: 1,
      gameserversets: 1,
      gameservers: FLEET_SIZE,
      pods: FLEET_SIZE,
      nodes: 1,
    });
    expect(after.objects['events']).toBeLessThanOrEqual(MAX_EVENTS);
    expect(after.files).toEqual({ kubeconfig: 1, 'owner.json': 1, processes: FLEET_SIZE, logs: expect.any(Number) });
    expect(after.files['logs']).toBeLessThanOrEqual(FLEET_SIZE + MOST_LOGS_OF_ENDED);
    expect(report).toMatchObject({ exitCode: 0, leftGames: 0 });
    expect(report.leftFiles).toEqual({ logs: expect.any(Number) });
  });

  test('a local that is killed in the midst of it starts again, with nothing left of what it ran', async () => {
    const mark = `soak-killed-${SEED}-${process.pid}`;
    const killed = await SoakLocal.start(directory, { mark });
    started.push(killed);
    await killed.createFleet();
    await killed.whole(FLEET_SIZE);
    const world = { local: killed, random: seededRandom(SEED), streams: [] };
    await happen(world, { from: 0, to: 30, counts: {}, onProgress: sayProgress });
    await killed.settle(FLEET_SIZE);
    await killed.fault({ kind: 'game-server-hung', count: 2 });
    // Some stand still, and others are just being started.
    await killed.fault({ kind: 'game-server-crashed', count: 4 });
    await killed.startsAnother();
    await killed.kill();
    // As if it had been killed before it could note the first of them.
    const [noted = ''] = readdirSync(join(directory, 'processes'));
    rmSync(join(directory, 'processes', noted));
    const left = killed.games().map(({ pid }) => pid);
    expect(left.length).toBeGreaterThan(0);

    const next = await SoakLocal.start(directory, { mark });
    started.push(next);
    expect(await runningOf(left)).toEqual([]);
    await next.createFleet();
    await next.whole(FLEET_SIZE);
    expect(next.games()).toHaveLength(FLEET_SIZE);
    expect(await next.stop()).toBe(0);
    expect(next.games()).toEqual([]);
    expect(filesOf(directory)).toEqual({ logs: expect.any(Number) });
  });
});

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom } from '../../../lib/seeded-random.ts';
import { eventually } from '../../helpers/conditions.ts';
import { drawHappening } from './happenings.ts';
import type { World } from './happenings.ts';
import { Inspector } from './inspector.ts';
import { allProcesses, held } from './measures.ts';
import type { Held } from './measures.ts';
import { FLEET_SIZE, GAME_SERVERS, SoakLocal } from './soak-local.ts';

export interface SoakOptions {
  stateDirectory: string;
  seed: number;
  happenings: number;
  /** Told how far it is. */
  onProgress: (line: string) => void;
}

/** What `local` holds when nothing happens: with a Fleet of {@link FLEET_SIZE}, all Ready, no stream and no fault. */
export interface AtRest extends Held {
  /** After a garbage collection. */
  heapMb: number;
  /** That are set. */
  timers: number;
  /** Children of `local`, whatever their state. */
  children: number;
  /** Games of this soak, whoever their parent is. */
  games: number;
  /** Objects in the store, by their plural. */
  objects: Record<string, number>;
  /** Files of the state directory, by folder. */
  files: Record<string, number>;
}

export interface SoakReport {
  seconds: number;
  /** How often each kind of happening came. */
  counts: Record<string, number>;
  before: AtRest;
  after: AtRest;
  exitCode: number | null;
  /** Games that were left when `local` had ended. */
  leftGames: number;
  /** Files of the state directory when `local` had ended. */
  leftFiles: Record<string, number>;
}

const MAX_AT_ONCE = 6;
const WARM_UP_PART = 0.2;
const MOST_PAUSE_MS = 120;
const PROGRESS_EACH = 50;
const SETTLED_DEADLINE_MS = 30_000;
const SETTLED_LOOKS = 20;
const OBJECT_PATHS = {
  fleets: '/apis/agones.dev/v1/fleets',
  gameserversets: '/apis/agones.dev/v1/gameserversets',
  gameservers: '/apis/agones.dev/v1/gameservers',
  pods: '/api/v1/pods',
  events: '/api/v1/events',
  nodes: '/api/v1/nodes',
};

/**
 * Has so many things happen to a `local` of its own, several at once, drawn by the seed; what it holds is measured after a
 * fifth of them, when its caches are full, and at the end.
 *
 * @throws Error when `local` ends by itself, or its Fleet does not become whole
 */
export async function soak({ stateDirectory, seed, happenings, onProgress }: SoakOptions): Promise<SoakReport> {
  const mark = `soak-${seed}-${process.pid}`;
  const local = await SoakLocal.start(stateDirectory, { mark, execArgv: ['--inspect=127.0.0.1:0'] });
  try {
    const random = seededRandom(seed);
    const world: World = { local, random, streams: [] };
    const counts: Record<string, number> = {};
    const startedAtMs = Date.now();
    await local.createFleet();
    await local.whole(FLEET_SIZE);
    const warmUp = Math.ceil(happenings * WARM_UP_PART);
    const run = (from: number, to: number): Promise<void> => happen(world, { from, to, counts, onProgress });
    await run(0, warmUp);
    const before = await rest(world, stateDirectory);
    onProgress(`warm: ${describe(before)}`);
    await run(warmUp, happenings);
    const after = await rest(world, stateDirectory);
    onProgress(`done: ${describe(after)}`);
    const seconds = Math.round((Date.now() - startedAtMs) / 1000);
    const exitCode = await local.stop();
    const leftGames = local.games().length;
    return { seconds, counts, before, after, exitCode, leftGames, leftFiles: filesOf(stateDirectory) };
  } finally {
    await local.end();
  }
}

/** Lets the happenings of one stretch come; resolves when the last is over. */
export async function happen(
  world: World,
  stretch: { from: number; to: number; counts: Record<string, number>; onProgress: (line: string) => void },
): Promise<void> {
  const { local, random } = world;
  const { from, to, counts, onProgress } = stretch;
  const underWay = new Set<Promise<void>>();
  let failure: unknown;
  let done = from;
  let nextProgress = from + PROGRESS_EACH;
  while (done < to && failure === undefined) {
    const [name, { happen: act }] = drawHappening(random);
    const happening = act(world)
      .then((happened) => {
        if (!happened) return;
        counts[name] = (counts[name] ?? 0) + 1;
        done += 1;
      })
      .catch((error: unknown) => {
        failure = new Error(`${name}, after ${done}`, { cause: error });
      })
      .finally(() => underWay.delete(happening));
    underWay.add(happening);
    const pause = new Promise<void>((resolve) => setTimeout(resolve, random() * MOST_PAUSE_MS));
    await (underWay.size >= MAX_AT_ONCE ? Promise.all([pause, Promise.race(underWay)]) : pause);
    if (!local.isAlive) throw new Error(`local has ended after ${done}: ${local.program.errors}`);
    if (done < nextProgress) continue;
    nextProgress += PROGRESS_EACH;
    onProgress(`${done}: ${JSON.stringify(brief(held(local.pid)))}`);
  }
  await Promise.all(underWay);
  if (failure !== undefined) throw failure;
}

/** Ends every fault and stream, has the Fleet whole with whom is Allocated, then with none, and measures. */
async function rest(world: World, stateDirectory: string): Promise<AtRest> {
  const { local, streams } = world;
  for (const drop of streams.splice(0)) drop();
  const whole = await local.settle(FLEET_SIZE);
  requireUnique(
    'names',
    whole.map(({ metadata }) => metadata.name),
  );
  requireUnique(
    'ports',
    whole.map(({ status }) => status?.ports?.[0]?.port),
  );
  for (const { metadata, status } of whole) {
    if (status?.state === 'Allocated') await local.ask(`${GAME_SERVERS}/${metadata.name}`, { method: 'DELETE' });
  }
  await local.whole(FLEET_SIZE);
  const processes = (await local.pods()).map(({ status }) => status.containerStatuses?.[0]?.containerID ?? '');
  requireUnique('processes', processes);
  // What a game was called for may still be on its way out.
  await eventually('no more processes than Pods', SETTLED_DEADLINE_MS, () =>
    local.games().length === processes.length ? true : undefined,
  );
  const errors = /ws:\/\/\S+/.exec(local.program.errors)?.[0] ?? '';
  const inspector = await Inspector.connect(errors);
  await inspector.collectGarbage();
  const heapMb = await inspector.collectGarbage();
  const timers = await inspector.timers();
  inspector.close();
  const objects: Record<string, number> = {};
  for (const [plural, path] of Object.entries(OBJECT_PATHS)) objects[plural] = (await local.list(path)).length;
  const atRest = await settledHold(local.pid);
  return {
    ...atRest,
    heapMb,
    timers,
    children: allProcesses().filter(({ parent }) => parent === local.pid).length,
    games: local.games().length,
    objects,
    files: filesOf(stateDirectory),
  };
}

/** The least that a process holds in so many looks: the pings of its games come and go meanwhile. */
async function settledHold(pid: number): Promise<Held> {
  let least = held(pid);
  let looks = 0;
  return eventually('what it holds at rest', SETTLED_DEADLINE_MS, () => {
    const now = held(pid);
    if (now.fileHandles < least.fileHandles) least = now;
    looks += 1;
    return looks < SETTLED_LOOKS ? undefined : least;
  });
}

function requireUnique(what: string, values: readonly unknown[]): void {
  if (new Set(values).size !== values.length) throw new Error(`${what} are there twice: ${values.join(', ')}`);
}

export function filesOf(directory: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) continue;
    const [folder = ''] = join(entry.parentPath)
      .slice(join(directory).length + 1)
      .split('/');
    const key = folder === '' ? entry.name : folder;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

function brief({ fileHandles, listeningPorts, rssMb }: Held): object {
  return { fileHandles, ports: listeningPorts.length, rssMb };
}

function describe({ listeningPorts, ...rest }: AtRest): string {
  return JSON.stringify({ ...rest, ports: listeningPorts.length });
}

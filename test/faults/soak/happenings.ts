import type { GameServer } from '../../../lib/agones.ts';
import { commandOf } from './measures.ts';
import { ask, openUnread } from './single-request.ts';
import { ACTOR, ALLOCATIONS, FLEETS, GAME_SERVERS, PODS } from './soak-local.ts';
import type { SoakLocal } from './soak-local.ts';

/** What a happening works on. */
export interface World {
  local: SoakLocal;
  random: () => number;
  /** Streams that are open and not read; the oldest are dropped when there are too many. */
  streams: (() => void)[];
}

const MAX_STREAMS = 12;

/** One kind of happening, and how often it comes beside the others. */
export interface Happening {
  weight: number;
  /** Does it; false when there was nothing to do it to. */
  happen(world: World): Promise<boolean>;
}

function chooseFrom<T>({ random }: World, list: readonly T[]): T | undefined {
  return list[Math.floor(random() * list.length)];
}

function between({ random }: World, least: number, most: number): number {
  return least + Math.floor(random() * (most - least + 1));
}

async function aGameServer(
  world: World,
  isGood: (one: GameServer) => boolean = () => true,
): Promise<string | undefined> {
  const all = (await world.local.gameServers()).filter(isGood);
  return chooseFrom(world, all)?.metadata.name;
}

async function aProcess(world: World): Promise<number | undefined> {
  const ids = (await world.local.pods()).flatMap(({ status }) => {
    const [container] = status.containerStatuses ?? [];
    return container?.state.running === undefined ? [] : [Number(container.containerID?.replace('process://', ''))];
  });
  return chooseFrom(world, ids);
}

/** A signal for the process of some game. */
function signal(name: 'SIGKILL' | 'SIGTERM') {
  return async (world: World): Promise<boolean> => {
    const pid = await aProcess(world);
    // Its number may be another process's by now.
    if (pid === undefined || commandOf(pid)?.includes(world.local.mark) !== true) return false;
    try {
      process.kill(pid, name);
    } catch (error) {
      // It has ended since.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      return false;
    }
    return true;
  };
}

/** A call of the SDK in the name of some game. */
function sdk(path: string, body: object = {}) {
  return async (world: World): Promise<boolean> => {
    const name = await aGameServer(world);
    const port = name === undefined ? undefined : await sdkPortOf(world, name);
    if (port === undefined) return false;
    await ask(`http://127.0.0.1:${port}${path}`, { method: path.startsWith('/metadata') ? 'PUT' : 'POST', body });
    return true;
  };
}

/** Where the game finds its SDK, as it has printed. */
async function sdkPortOf({ local }: World, name: string): Promise<number | undefined> {
  const { text } = await local.ask(`${PODS}/${name}/log`);
  const port = /^SDK at (\d+)/m.exec(text)?.[1];
  return port === undefined ? undefined : Number(port);
}

/** A stream that nobody reads, dropped some time later. */
function stream(pathOf: (world: World) => Promise<string | undefined>) {
  return async (world: World): Promise<boolean> => {
    const url = await pathOf(world);
    if (url === undefined) return false;
    world.streams.push(openUnread(url, ACTOR));
    for (const drop of world.streams.splice(0, Math.max(0, world.streams.length - MAX_STREAMS))) drop();
    return true;
  };
}

/** A fault of the kind for a short time; `own` are its own fields. */
function fault(kind: string, own: (world: World) => object) {
  return async (world: World): Promise<boolean> => {
    const forMs = between(world, 100, 2500);
    const seed = kind === 'node-gone' ? {} : { seed: between(world, 0, 1_000_000) };
    await world.local.fault({ kind, forMs, ...seed, ...own(world) });
    return true;
  };
}

const some = (world: World): object => (world.random() < 0.2 ? {} : { count: between(world, 1, 3) });
const actors = (world: World): object => ({ target: { userAgent: ACTOR }, probability: 0.1 + 0.9 * world.random() });

export const HAPPENINGS: Readonly<Record<string, Happening>> = {
  'a game is killed': { weight: 12, happen: signal('SIGKILL') },
  'a game ends itself': { weight: 4, happen: signal('SIGTERM') },
  'a Pod is deleted': {
    weight: 6,
    async happen(world) {
      const name = await aGameServer(world);
      if (name === undefined) return false;
      const now = world.random() < 0.3 ? '?gracePeriodSeconds=0' : '';
      await world.local.act(`${PODS}/${name}${now}`, { method: 'DELETE' });
      return true;
    },
  },
  'a GameServer is deleted': {
    weight: 6,
    async happen(world) {
      const name = await aGameServer(world);
      if (name === undefined) return false;
      await world.local.act(`${GAME_SERVERS}/${name}`, { method: 'DELETE' });
      return true;
    },
  },
  'an allocation': {
    weight: 14,
    async happen(world) {
      const selectors = [{ matchLabels: { 'agones.dev/fleet': 'boats' } }];
      await world.local.act(ALLOCATIONS, { method: 'POST', body: { spec: { selectors } } });
      return true;
    },
  },
  'a session ends': {
    weight: 10,
    async happen(world) {
      const name = await aGameServer(world, ({ status }) => status?.state === 'Allocated');
      if (name === undefined) return false;
      const port = await sdkPortOf(world, name);
      if (port === undefined) return false;
      await ask(`http://127.0.0.1:${port}/shutdown`, { method: 'POST', body: {} });
      return true;
    },
  },
  'a game says Ready again': { weight: 2, happen: sdk('/ready') },
  'a game reserves itself': { weight: 2, happen: sdk('/reserve', { seconds: '1' }) },
  'a game labels itself': { weight: 3, happen: sdk('/metadata/label', { key: 'wind', value: 'gale' }) },
  'the Fleet is scaled': {
    weight: 6,
    async happen(world) {
      await world.local.act(`${FLEETS}/boats`, {
        method: 'PATCH',
        body: { spec: { replicas: between(world, 3, 11) } },
      });
      return true;
    },
  },
  'the template changes': {
    weight: 3,
    async happen(world) {
      const labels = { version: `v${between(world, 1, 1_000_000)}` };
      await world.local.act(`${FLEETS}/boats`, {
        method: 'PATCH',
        body: { spec: { template: { metadata: { labels } } } },
      });
      return true;
    },
  },
  'a watch that nobody reads': {
    weight: 5,
    happen: stream((world) => Promise.resolve(`${world.local.program.url}${GAME_SERVERS}?watch=true`)),
  },
  'a log that nobody reads': {
    weight: 3,
    happen: stream(async (world) => {
      const name = await aGameServer(world);
      return name === undefined ? undefined : `${world.local.program.url}${PODS}/${name}/log?follow=true`;
    }),
  },
  'a watch of the SDK that nobody reads': {
    weight: 3,
    happen: stream(async (world) => {
      const name = await aGameServer(world);
      const port = name === undefined ? undefined : await sdkPortOf(world, name);
      return port === undefined ? undefined : `http://127.0.0.1:${port}/watch/gameserver`;
    }),
  },
  'fault: answer-lost': {
    weight: 2,
    happen: fault('answer-lost', (world) => ({ ...actors(world), how: world.random() < 0.5 ? 'cut' : 'silence' })),
  },
  'fault: api-slow': {
    weight: 2,
    happen: fault('api-slow', (world) => ({ ...actors(world), latencyMs: between(world, 1, 800), jitterMs: 200 })),
  },
  'fault: api-black-hole': { weight: 2, happen: fault('api-black-hole', actors) },
  'fault: conflict-storm': { weight: 2, happen: fault('conflict-storm', actors) },
  'fault: error-storm': { weight: 2, happen: fault('error-storm', actors) },
  'fault: watch-cut': {
    weight: 2,
    happen: fault('watch-cut', (world) => ({ ...actors(world), afterMs: between(world, 0, 500) })),
  },
  'fault: watch-silent': {
    weight: 2,
    happen: fault('watch-silent', (world) => ({
      ...actors(world),
      afterwards: world.random() < 0.5 ? 'cut' : 'resume',
    })),
  },
  'fault: watch-too-old': { weight: 1, happen: fault('watch-too-old', actors) },
  'fault: sidecar-killed': { weight: 4, happen: fault('sidecar-killed', some) },
  'fault: game-server-crashed': {
    weight: 4,
    happen: fault('game-server-crashed', (world) => ({ count: between(world, 1, 3), exitCode: between(world, 0, 2) })),
  },
  'fault: game-server-hung': { weight: 4, happen: fault('game-server-hung', some) },
  'fault: slow-ready': {
    weight: 3,
    happen: fault('slow-ready', (world) => ({
      startDelayMs: between(world, 1, 500),
      readyDelayMs: between(world, 0, 500),
    })),
  },
  'fault: node-gone': {
    weight: 1,
    happen: fault('node-gone', (world) => ({ podsLostAfterMs: between(world, 0, 1500) })),
  },
  'fault: no-capacity': {
    weight: 3,
    happen: fault('no-capacity', (world) => ({ answer: world.random() < 0.5 ? 'UnAllocated' : 'Contention' })),
  },
};

/** The next happening, by its weight among the others. */
export function drawHappening(random: () => number): [string, Happening] {
  const all = Object.entries(HAPPENINGS);
  let left = random() * all.reduce((sum, [, { weight }]) => sum + weight, 0);
  for (const entry of all) {
    left -= entry[1].weight;
    if (left < 0) return entry;
  }
  throw new Error('there is no happening');
}

import { jest } from '@jest/globals';
import type { GameServer } from '../../lib/agones.ts';
import {
  CLAIM_LABEL,
  CLAIM_UNTIL_ANNOTATION,
  formatSessionDescriptor,
  REPORTS_PLAYERS_ANNOTATION,
  SESSION_KEY,
} from '../../lib/session.ts';
import type { SessionDescriptor } from '../../lib/session.ts';
import { startAllocatorOn } from '../helpers/allocator-on.ts';
import type { AllocatorOn } from '../helpers/allocator-on.ts';
import { FaultyLocal, until } from './faulty-local.ts';

jest.setTimeout(90_000);

const HOUR_MS = 3_600_000;
const REPLICAS = 8;

let local: FaultyLocal;
let allocator: AllocatorOn | undefined;

beforeEach(async () => {
  local = await FaultyLocal.start();
  const { status } = await local.request('POST', '/apis/agones.dev/v1/namespaces/default/fleets', {
    apiVersion: 'agones.dev/v1',
    kind: 'Fleet',
    metadata: { name: 'boats' },
    spec: {
      replicas: REPLICAS,
      template: {
        metadata: {
          labels: { 'regatta.dev/game': 'boats' },
          annotations: { [REPORTS_PLAYERS_ANNOTATION]: 'true' },
        },
        spec: {
          ports: [{ name: 'game', portPolicy: 'Passthrough', protocol: 'TCP' }],
          // One that never ends by itself and never reports: whatever becomes of its session, it leaks.
          template: { spec: { containers: [{ name: 'game', image: 'boat:1' }] } },
        },
      },
    },
  });
  expect(status).toBe(201);
  await local.inState(REPLICAS, 'Ready');
});

afterEach(async () => {
  await allocator?.stop();
  allocator = undefined;
  await local.stop();
});

async function start(environment: Record<string, string> = {}): Promise<AllocatorOn> {
  allocator = await startAllocatorOn(local.local.kubeconfigPath, {
    REAP_EVERY_MS: '100',
    REAP_GRACE_MS: '300',
    NO_SHOW_MARGIN_MS: '0',
    POD_CHECK_MS: '200',
    ...environment,
  });
  return allocator;
}

function session(sessionId: string, agoMs: number): SessionDescriptor {
  const madeAtMs = Date.now() - agoMs;
  return {
    version: 1,
    sessionId: sessionId.padEnd(16, '0'),
    game: 'boats',
    mode: 'exclusive',
    seats: 8,
    madeAt: new Date(madeAtMs).toISOString(),
    joinBy: new Date(madeAtMs + 60_000).toISOString(),
  };
}

/** Makes one of the Ready GameServers Allocated, as an allocator that has died since left it. */
function leave(labels: Record<string, string>, annotations: Record<string, string>): string {
  const name = local.gameServers().find(({ status }) => status?.state === 'Ready')?.metadata.name ?? '';
  const left = local.local.store.modify<GameServer>('gameservers', 'default', name, ({ metadata, status }) => {
    metadata.labels = { ...metadata.labels, ...labels };
    metadata.annotations = { ...metadata.annotations, ...annotations };
    if (status !== undefined) status.state = 'Allocated';
  });
  expect(left?.status?.state).toBe('Allocated');
  return name;
}

const holding = (
  held: SessionDescriptor,
  allocatedAt = held.madeAt,
): [Record<string, string>, Record<string, string>] => [
  { [SESSION_KEY]: held.sessionId },
  { [SESSION_KEY]: formatSessionDescriptor(held), 'agones.dev/last-allocated': allocatedAt },
];

interface Left {
  /** Of what the reaper ends, what it says of it. */
  leaks: Map<string, string>;
  claimed: string;
  untouched: string[];
}

/** Every kind of leak, and beside them what must stay. */
async function leaveEverything(): Promise<Left> {
  const double = session('double', 30_000);
  const kept = leave(...holding(double));
  const leaks = new Map([
    [leave(...holding(session('noshow', 600_000))), 'no-show'],
    [leave(...holding(session('old', 7 * HOUR_MS))), 'session-too-long'],
    [leave(...holding(double, new Date(Date.parse(double.madeAt) + 1000).toISOString())), 'double'],
  ]);
  const claimed = leave(
    { [CLAIM_LABEL]: 'regatta-gone' },
    {
      [CLAIM_UNTIL_ANNOTATION]: new Date(Date.now() - 1000).toISOString(),
      'agones.dev/last-allocated': new Date(Date.now() - HOUR_MS).toISOString(),
    },
  );
  const { body } = await local.allocate();
  const live = leave(...holding(session('live', 0)));
  return { leaks, claimed, untouched: [kept, live, body.status.gameServerName] };
}

const states = (names: Iterable<string>): (string | undefined)[] =>
  [...names].map((name) => local.gameServer(name)?.status?.state);

test('every kind of leak is gone within its window, told of, and replaced; all else is left alone', async () => {
  const { leaks, claimed, untouched } = await leaveEverything();
  await start();
  await until('the leaks gone', () => states(leaks.keys()).every((state) => state === undefined));
  await until('an Event about each', () =>
    [claimed, ...leaks.keys()].every((name) => local.eventsOf(name).includes('RegattaReaped')),
  );
  await local.becomes(claimed, 'Ready');
  expect(local.gameServer(claimed)?.metadata.labels).not.toHaveProperty([CLAIM_LABEL]);
  await until('the Fleet whole', () => local.gameServers().length === REPLICAS);
  expect(states(untouched)).toEqual(['Allocated', 'Allocated', 'Allocated']);
  // One that was given back is as good as any.
  await local.inState(REPLICAS - untouched.length, 'Ready');
});

test('a dry run lists all of it and changes none', async () => {
  const { leaks, claimed, untouched } = await leaveEverything();
  const before = new Map(local.gameServers().map(({ metadata }) => [metadata.name, metadata.resourceVersion]));
  const { service, metricsUrl } = await start({ REAPER: 'dry-run' });
  await until('each told of', async () => {
    const metrics = await (await fetch(metricsUrl)).text();
    return metrics.includes('regatta_orphaned_game_servers 4');
  });
  const { body } = await service('GET', '/v1/servers?state=Allocated');
  const { servers } = body as { servers: { name: string; wouldReap?: string }[] };
  const told = servers.flatMap(({ name, wouldReap }) => (wouldReap === undefined ? [] : [[name, wouldReap]]));
  expect(new Map(told as [string, string][])).toEqual(new Map([...leaks, [claimed, 'claim-expired']]));
  expect(new Map(local.gameServers().map(({ metadata }) => [metadata.name, metadata.resourceVersion]))).toEqual(before);
  expect(states(untouched)).toEqual(['Allocated', 'Allocated', 'Allocated']);
});

test('nothing is left of sessions whose Pods were deleted, whoever is quicker', async () => {
  const { newGame } = await start();
  const given = await Promise.all(Array.from({ length: 3 }, newGame));
  const names = given.map(({ body }) => body.allocation.gameServer);
  for (const name of names) await local.request('DELETE', `/api/v1/namespaces/default/pods/${name}`);
  await until('the GameServers gone', () => states(names).every((state) => state === undefined));
  await local.inState(REPLICAS, 'Ready');
});

test('an API that says nothing for a while costs nobody their session; what leaked meanwhile goes afterwards', async () => {
  const { metricsUrl } = await start({ KUBERNETES_TIMEOUT_MS: '500', STALE_AFTER_MS: '1000' });
  const live = leave(...holding(session('live', 0)));
  const { id } = await local.fault({ kind: 'api-black-hole', target: { resource: 'gameservers' } });
  const leaked = leave(...holding(session('old', 7 * HOUR_MS)));
  const seen = Date.now();
  await until('many rounds gone by', async () => {
    await fetch(metricsUrl);
    return Date.now() - seen > 2000;
  });
  expect(states([live, leaked])).toEqual(['Allocated', 'Allocated']);
  await local.endFault(id);
  await until('the leak gone', () => local.gameServer(leaked) === undefined);
  expect(states([live])).toEqual(['Allocated']);
});

import { jest } from '@jest/globals';
import { resolve } from 'node:path';
import type { GameServer } from '../../lib/agones.ts';
import { SESSION_REPORT_ANNOTATION } from '../../lib/session-report.ts';
import { DRAIN_ANNOTATION, SESSION_KEY } from '../../lib/session.ts';
import { startAllocatorOn } from '../helpers/allocator-on.ts';
import type { AllocatorOn } from '../helpers/allocator-on.ts';
import { FaultyLocal, until } from './faulty-local.ts';

jest.setTimeout(120_000);

const FLEETS = '/apis/agones.dev/v1/namespaces/default/fleets';

let local: FaultyLocal;
let allocator: AllocatorOn;

/** Nobody joins here: a session goes on until then, and its GameServer would take the next. */
const JOIN_WITHIN_SECONDS = 20;

const program = { command: [process.execPath, resolve('server/main.ts')], env: { SESSION_END: 'Ready' } };
const IMAGES = JSON.stringify({
  'boat-race:1': program,
  'boat-race:2': program,
  // Ready, and deaf to what it is told.
  'mute:1': { command: [process.execPath, resolve('test/faults/soak/game-server.ts')] },
});

async function createFleet(name: string, image: string, replicas: number): Promise<void> {
  const { status } = await local.request('POST', FLEETS, {
    apiVersion: 'agones.dev/v1',
    kind: 'Fleet',
    metadata: { name },
    spec: {
      replicas,
      template: {
        metadata: { labels: { 'regatta.dev/game': 'boat-race' } },
        spec: {
          ports: [{ name: 'game', portPolicy: 'Passthrough', protocol: 'TCP' }],
          template: { spec: { terminationGracePeriodSeconds: 5, containers: [{ name: 'game', image }] } },
        },
      },
    },
  });
  expect(status).toBe(201);
}

async function start(environment: Record<string, string> = {}): Promise<void> {
  allocator = await startAllocatorOn(local.local.kubeconfigPath, {
    REAP_EVERY_MS: '100',
    JOIN_WITHIN_SECONDS: String(JOIN_WITHIN_SECONDS),
    ...environment,
  });
}

beforeEach(async () => {
  local = await FaultyLocal.start({ LOCAL_IMAGES: IMAGES });
});

afterEach(async () => {
  await allocator.stop();
  await local.stop();
});

const imageOf = ({ spec }: GameServer): string | undefined => spec.template.spec.containers[0]?.image;

async function newSessionOn(): Promise<string> {
  const { status, body } = await allocator.newGame();
  expect(status).toBe(201);
  return body.allocation.gameServer;
}

test('a Fleet that rolls with sessions on it: new ones go to the new version, old GameServers are told once and end with theirs', async () => {
  await createFleet('boats', 'boat-race:1', 5);
  await local.inState(5, 'Ready');
  await start();
  const old = [await newSessionOn(), await newSessionOn(), await newSessionOn()];
  const told = new Map<string, Set<string>>();
  local.local.store.subscribe<GameServer>('gameservers', ({ object: { metadata } }) => {
    const since = metadata.annotations?.[DRAIN_ANNOTATION];
    if (since !== undefined) told.set(metadata.name, (told.get(metadata.name) ?? new Set()).add(since));
  });

  const { status } = await local.request('PATCH', `${FLEETS}/boats`, {
    spec: { template: { spec: { template: { spec: { containers: [{ name: 'game', image: 'boat-race:2' }] } } } } },
  });
  expect(status).toBe(200);
  await until('two of the new version Ready', () => {
    const ready = local
      .gameServers()
      .filter((each) => each.status?.state === 'Ready' && imageOf(each) === 'boat-race:2');
    return ready.length >= 2;
  });
  const given = [await newSessionOn(), await newSessionOn()];
  for (const name of given) expect(imageOf(local.gameServer(name) as GameServer)).toBe('boat-race:2');

  await until('the old ones told', () => told.size === old.length);
  await until('the old ones gone', () => old.every((name) => local.gameServer(name) === undefined));
  expect([...told.keys()].toSorted()).toEqual(old.toSorted());
  expect([...told.values()].map(({ size }) => size)).toEqual([1, 1, 1]);
  // Those of the new version go on to their next session.
  await until('the new ones Ready again', () =>
    given.every((name) => local.gameServer(name)?.status?.state === 'Ready'),
  );
});

test('a Fleet that is drained: sessions go on, and all else is replaced', async () => {
  await createFleet('boats', 'boat-race:1', 5);
  await local.inState(5, 'Ready');
  await start();
  const held = await newSessionOn();
  const before = local.gameServers().map(({ metadata }) => metadata.name);
  const { body } = await allocator.service('POST', '/v1/fleets/boats/drain');
  expect(body).toEqual({ fleet: 'boats', marked: 5, already: 0, left: 0 });
  await until('all but the held one replaced', () => {
    const names = local.gameServers().map(({ metadata }) => metadata.name);
    return before.every((name) => names.includes(name) === (name === held)) && names.length === 5;
  });
  expect(local.gameServer(held)?.status?.state).toBe('Allocated');
  const next = await newSessionOn();
  expect(before).not.toContain(next);
});

test('with confirmation, only a GameServer is answered that has opened the session; those that cannot are given up', async () => {
  await createFleet('mute', 'mute:1', 1);
  await local.inState(1, 'Ready');
  await start({ CONFIRM: 'on', CONFIRM_WITHIN_MS: '3000' });
  const answer = newSessionOn();
  const mute = local.gameServers()[0]?.metadata.name ?? '';
  await local.becomes(mute, 'Allocated');
  await createFleet('boats', 'boat-race:1', 1);
  // Whatever replaces the mute one says as little; each is given up in its turn.
  const name = await answer;
  const { metadata } = local.gameServer(name) ?? {};
  expect(metadata?.labels?.['agones.dev/fleet']).toBe('boats');
  expect(metadata?.annotations?.[SESSION_REPORT_ANNOTATION]).toBe(`${metadata?.labels?.[SESSION_KEY]} opened`);
  expect(local.gameServer(mute)?.status?.state ?? 'gone').not.toBe('Allocated');
});

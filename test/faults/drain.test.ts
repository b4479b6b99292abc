import { jest } from '@jest/globals';
import { resolve } from 'node:path';
import type { GameServer } from '../../lib/agones.ts';
import { DRAIN_ANNOTATION } from '../../lib/session.ts';
import { startAllocatorOn } from '../helpers/allocator-on.ts';
import type { AllocatorOn } from '../helpers/allocator-on.ts';
import { FaultyLocal, until } from './faulty-local.ts';

jest.setTimeout(120_000);

const FLEETS = '/apis/agones.dev/v1/namespaces/default/fleets';

let local: FaultyLocal;
let allocator: AllocatorOn;

/** Nobody joins here: a session goes on until then, and its GameServer would take the next. */
const JOIN_WITHIN_SECONDS = 20;

beforeEach(async () => {
  const program = { command: [process.execPath, resolve('server/main.ts')], env: { SESSION_END: 'Ready' } };
  local = await FaultyLocal.start({
    LOCAL_IMAGES: JSON.stringify({ 'boat-race:1': program, 'boat-race:2': program }),
  });
  const template = (image: string): object => ({
    metadata: { labels: { 'regatta.dev/game': 'boat-race' } },
    spec: {
      ports: [{ name: 'game', portPolicy: 'Passthrough', protocol: 'TCP' }],
      template: { spec: { terminationGracePeriodSeconds: 5, containers: [{ name: 'game', image }] } },
    },
  });
  const { status } = await local.request('POST', FLEETS, {
    apiVersion: 'agones.dev/v1',
    kind: 'Fleet',
    metadata: { name: 'boats' },
    spec: { replicas: 5, template: template('boat-race:1') },
  });
  expect(status).toBe(201);
  await local.inState(5, 'Ready');
  allocator = await startAllocatorOn(local.local.kubeconfigPath, {
    REAP_EVERY_MS: '100',
    JOIN_WITHIN_SECONDS: String(JOIN_WITHIN_SECONDS),
  });
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

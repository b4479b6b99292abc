import type { GameServer, GameServerState } from '../../lib/agones.ts';
import { ManualClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/logger.ts';
import type { Pod } from '../controllers/pods.ts';
import { startControllers } from '../controllers/start-controllers.ts';
import type { Controllers } from '../controllers/start-controllers.ts';
import { FAKE_IMAGE } from './fake-pods.ts';
import { NodeFixture } from './testing/node-fixture.ts';

/** How long the sidecars of the fixture gather changes. */
const SDK_WRITE_MS = 500;

let clock: ManualClock;
let fixture: NodeFixture;
let controllers: Controllers;

beforeEach(() => {
  clock = new ManualClock(Date.UTC(2026, 0, 1));
  fixture = new NodeFixture({ clock, fakes: { maxPods: 2, startMs: 300, readyMs: 2000, sessionMs: 60_000 } });
  controllers = startControllers({ store: fixture.store, clock, log: silentLogger });
});

afterEach(async () => {
  controllers.stop();
  await fixture.stop();
});

function createFake(name: string): void {
  fixture.store.create<GameServer>('gameservers', {
    apiVersion: 'agones.dev/v1',
    kind: 'GameServer',
    metadata: { name, namespace: 'default' },
    spec: {
      ports: [{ name: 'game', portPolicy: 'None', containerPort: 7654 }],
      template: { spec: { containers: [{ name: 'game', image: FAKE_IMAGE }] } },
    },
  });
  clock.advance(0);
}

function stateOf(name: string): GameServerState | undefined {
  return fixture.store.find<GameServer>('gameservers', 'default', name)?.status?.state;
}

function setState(name: string, state: GameServerState): void {
  fixture.store.modify<GameServer>('gameservers', 'default', name, (copy) => {
    copy.status = { ...copy.status, state };
  });
  clock.advance(0);
}

/** Lets promises that are fulfilled go on, as no timer of the clock does. */
async function settle(): Promise<void> {
  await new Promise(setImmediate);
  clock.advance(0);
}

test('starts, and says Ready, so long after as it was told', () => {
  createFake('one');
  clock.advance(299);
  expect([fixture.find('one')?.status?.phase, stateOf('one')]).toEqual(['Pending', 'Starting']);
  clock.advance(1);
  expect([fixture.find('one')?.status?.phase, stateOf('one')]).toEqual(['Running', 'Scheduled']);
  expect(fixture.container('one')).toMatchObject({ ready: true, containerID: expect.stringMatching(/^fake:/) });
  clock.advance(2000 + SDK_WRITE_MS - 1);
  expect(stateOf('one')).toBe('Scheduled');
  clock.advance(1);
  expect(stateOf('one')).toBe('Ready');
  expect(fixture.events('one')).toEqual(expect.arrayContaining(['Normal Scheduled', 'Normal Started']));
});

test('sends no pings and stays healthy', () => {
  createFake('one');
  clock.advance(3_600_000);
  expect(stateOf('one')).toBe('Ready');
});

test('says Shutdown when its session has lasted as long as it was told, counted from Allocated', async () => {
  createFake('one');
  clock.advance(10_000);
  setState('one', 'Allocated');
  clock.advance(60_000 + SDK_WRITE_MS - 1);
  expect(stateOf('one')).toBe('Allocated');
  clock.advance(1);
  await settle();
  expect([fixture.find('one'), stateOf('one')]).toEqual([undefined, undefined]);
});

test('goes on when it is given back before its session ends', () => {
  createFake('one');
  clock.advance(10_000);
  setState('one', 'Allocated');
  clock.advance(30_000);
  setState('one', 'Ready');
  clock.advance(120_000);
  expect(stateOf('one')).toBe('Ready');
});

test('ends at once when it is deleted, whatever grace it has', async () => {
  createFake('one');
  clock.advance(10_000);
  fixture.store.delete('gameservers', 'default', 'one');
  clock.advance(0);
  await settle();
  expect([fixture.find('one'), stateOf('one')]).toEqual([undefined, undefined]);
});

test('is deleted as well before it has started', async () => {
  createFake('one');
  fixture.store.delete('gameservers', 'default', 'one');
  clock.advance(0);
  await settle();
  clock.advance(10_000);
  expect([fixture.find('one'), stateOf('one')]).toEqual([undefined, undefined]);
});

test('goes with its node without a word, and the node says so when it is back', async () => {
  createFake('one');
  clock.advance(10_000);
  const comeBack = fixture.node.goAway();
  clock.advance(10_000);
  createFake('two');
  expect([fixture.find('one')?.status?.phase, stateOf('one')]).toEqual(['Running', 'Ready']);
  comeBack();
  await settle();
  expect([fixture.find('one')?.status?.phase, stateOf('one')]).toEqual(['Failed', 'Unhealthy']);
  clock.advance(10_000);
  expect(stateOf('two')).toBe('Ready');
});

test('waits when there are as many fakes as there may be, until one goes', async () => {
  for (const name of ['one', 'two', 'three']) createFake(name);
  clock.advance(10_000);
  expect(fixture.events('three')).toContain('Warning FailedScheduling');
  expect([stateOf('one'), stateOf('two'), stateOf('three')]).toEqual(['Ready', 'Ready', 'Starting']);
  fixture.store.delete('gameservers', 'default', 'one');
  clock.advance(0);
  await settle();
  clock.advance(10_000);
  expect(stateOf('three')).toBe('Ready');
});

test('runs without a GameServer too, and is no fake beside a container that needs a program', async () => {
  const containers = [
    { name: 'game', image: FAKE_IMAGE },
    { name: 'helper', image: 'no/program:1' },
  ];
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'alone', namespace: 'default' },
    spec: { containers: containers.slice(0, 1) },
  };
  fixture.create('pods', pod);
  fixture.create('pods', { ...pod, metadata: { name: 'mixed', namespace: 'default' }, spec: { containers } } as Pod);
  clock.advance(10_000);
  expect((await fixture.phase('alone', 'Running')).spec.nodeName).toBe('local');
  expect((await fixture.waiting('mixed', 'ErrImagePull')).message).toContain(FAKE_IMAGE);
});

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Node } from '../controllers/pods.ts';
import { eventually, runningOf } from '../testing/conditions.ts';
import { NodeFixture } from './testing/node-fixture.ts';

const PLAY_ON = 'setInterval(() => {}, 1000);';

let fixture: NodeFixture;

beforeEach(() => {
  fixture = new NodeFixture();
});

afterEach(async () => {
  await fixture.stop();
});

test('registers a Node at which Pods are reached', () => {
  const node = fixture.store.get<Node>('nodes', '', 'local');
  expect(node.status?.addresses).toEqual([
    { type: 'InternalIP', address: '127.0.0.1' },
    { type: 'Hostname', address: 'local' },
  ]);
});

test('runs a Pod as a process and tells its address', async () => {
  fixture.run('sloop', PLAY_ON);
  const pod = await fixture.phase('sloop', 'Running');
  expect(pod.spec.nodeName).toBe('local');
  expect(pod.status?.podIPs).toEqual([{ ip: '127.0.0.1' }]);
  expect(fixture.container('sloop')?.state.running).toBeDefined();
  expect(fixture.events('sloop')).toEqual(['Normal Scheduled', 'Normal Pulled', 'Normal Created', 'Normal Started']);
});

test.each([
  [0, 'Succeeded', 'Completed'],
  [3, 'Failed', 'Error'],
])('a process that exits with %i makes its Pod %s and is not started again', async (exitCode, phase, reason) => {
  fixture.run('dinghy', `process.exit(${exitCode})`);
  await fixture.phase('dinghy', phase);
  expect(fixture.container('dinghy')?.state.terminated).toMatchObject({ exitCode, reason });
  expect(readdirSync(join(fixture.directory, 'processes'))).toEqual([]);
});

test('a process that is killed makes its Pod Failed with 128 and the signal, and takes its children with it', async () => {
  const script = `
    const child = require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(PLAY_ON)}]);
    console.log('pids', process.pid, child.pid); ${PLAY_ON}`;
  fixture.run('ketch', script);
  const [, leader, child] = /pids (\d+) (\d+)/.exec(await fixture.printed('ketch', 'pids'))!.map(Number);
  process.kill(leader!, 'SIGKILL');
  await fixture.phase('ketch', 'Failed');
  expect(fixture.container('ketch')?.state.terminated).toMatchObject({ exitCode: 137, signal: 9 });
  await eventually('the child gone', async () => (await runningOf([child!])).length === 0);
});

test('a deleted Pod stays until its process has ended by SIGTERM', async () => {
  fixture.run(
    'yawl',
    `process.on('SIGTERM', () => { console.log('leaving'); process.exit(0); }); console.log('on'); ${PLAY_ON}`,
  );
  await fixture.printed('yawl', 'on');
  fixture.delete('yawl');
  expect(fixture.find('yawl')?.metadata.deletionTimestamp).toBeDefined();
  await fixture.gone('yawl');
  expect(await fixture.log('yawl')).toContain('leaving');
  expect(fixture.events('yawl')).toContain('Normal Killing');
});

test('a process that ignores SIGTERM is killed after the grace', async () => {
  fixture.run('brig', `process.on('SIGTERM', () => {}); console.log('pid', process.pid); ${PLAY_ON}`);
  const pid = Number(/pid (\d+)/.exec(await fixture.printed('brig', 'pid'))![1]);
  fixture.delete('brig', 0);
  await fixture.gone('brig');
  expect(await runningOf([pid])).toEqual([]);
});

test('gives a process what its Pod, its image and no one else says', async () => {
  process.env['LEAKED'] = 'no';
  fixture.createConfigMap('settings', { wind: 'north' });
  fixture.run(
    'cutter',
    'console.log(JSON.stringify([process.env, process.argv.slice(1)]))',
    {},
    {
      args: [
        'console.log(JSON.stringify([process.env, process.argv.slice(1)]))',
        '--',
        '--name=$(NAME)',
        '$$(NAME)',
        '$(NONE)',
      ],
      env: [
        { name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
        { name: 'ROLE', valueFrom: { fieldRef: { fieldPath: "metadata.labels['role']" } } },
        { name: 'WIND', valueFrom: { configMapKeyRef: { name: 'settings', key: 'wind' } } },
        { name: 'RAIN', valueFrom: { configMapKeyRef: { name: 'settings', key: 'rain', optional: true } } },
        { name: 'BOTH', value: '$(NAME) in $(WIND)' },
      ],
    },
  );
  await fixture.phase('cutter', 'Succeeded');
  delete process.env['LEAKED'];
  const [environment, parameters] = JSON.parse(await fixture.log('cutter')) as [Record<string, string>, string[]];
  expect(environment).toMatchObject({
    NAME: 'cutter',
    HOSTNAME: 'cutter',
    ROLE: 'test',
    WIND: 'north',
    BOTH: 'cutter in north',
    FROM_IMAGE: 'yes',
  });
  expect(environment).not.toHaveProperty('RAIN');
  expect(environment).not.toHaveProperty('LEAKED');
  expect(parameters).toEqual(['--name=cutter', '$(NAME)', '$(NONE)']);
});

test('shows volumes as files, follows their source, and leaves nothing', async () => {
  fixture.createConfigMap('charts', { 'sea.txt': 'calm' });
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'keys', namespace: 'default' },
    data: { key: Buffer.from('hush').toString('base64') },
  };
  fixture.create('secrets', secret);
  fixture.run(
    'lugger',
    `console.log(JSON.stringify(process.env)); ${PLAY_ON}`,
    {
      volumes: [
        { name: 'charts', configMap: { name: 'charts' } },
        { name: 'keys', secret: { secretName: 'keys', items: [{ key: 'key', path: 'sub/key.txt' }] } },
        { name: 'scratch', emptyDir: {} },
      ],
    },
    {
      env: [
        { name: 'SEA', value: '/etc/charts/sea.txt' },
        { name: 'KEY', value: '/etc/keys/sub/key.txt' },
        { name: 'SCRATCH', value: '/tmp/scratch' },
        { name: 'ELSEWHERE', value: '/etc/chartsandmore' },
      ],
      volumeMounts: [
        { name: 'charts', mountPath: '/etc/charts/' },
        { name: 'keys', mountPath: '/etc/keys' },
        { name: 'scratch', mountPath: '/tmp/scratch' },
      ],
    },
  );
  const { SEA, KEY, SCRATCH, ELSEWHERE } = JSON.parse(await fixture.printed('lugger', '\n')) as Record<string, string>;
  expect(readFileSync(SEA!, 'utf8')).toBe('calm');
  expect(readFileSync(KEY!, 'utf8')).toBe('hush');
  expect(readdirSync(SCRATCH!)).toEqual([]);
  expect(ELSEWHERE).toBe('/etc/chartsandmore');
  fixture.store.modify<{ data: object } & ReturnType<NodeFixture['store']['get']>>(
    'configmaps',
    'default',
    'charts',
    (map) => {
      map.data = { 'sea.txt': 'rough', 'more.txt': 'wind' };
    },
  );
  expect(readFileSync(SEA!, 'utf8')).toBe('rough');
  expect(readdirSync(join(SEA!, '..'))).toEqual(['more.txt', 'sea.txt']);
  fixture.delete('lugger');
  await fixture.gone('lugger');
  expect(existsSync(SEA!)).toBe(false);
});

test('an image that no program stands for is said, with the setting that names one', async () => {
  fixture.run('hulk', '', {}, { image: 'unheard-of:1' });
  const { message } = await fixture.waiting('hulk', 'ErrImagePull');
  expect(message).toMatch(/unheard-of:1.*LOCAL_IMAGES/);
  expect(fixture.find('hulk')?.status?.phase).toBe('Pending');
  expect(fixture.events('hulk')).toContain('Warning Failed');
  fixture.delete('hulk');
  await fixture.gone('hulk');
});

test('waits for a ConfigMap that comes later', async () => {
  const volumes = [{ name: 'charts', configMap: { name: 'late' } }];
  fixture.run('barge', PLAY_ON, { volumes });
  await fixture.waiting('barge', 'ContainerCreating');
  expect(fixture.events('barge')).toContain('Warning FailedMount');
  fixture.createConfigMap('late', {});
  await fixture.phase('barge', 'Running');
});

test('a program that is not there leaves its Pod waiting and says which', async () => {
  fixture.run('wreck', '', {}, { command: ['/no/such/program'] });
  const { message } = await fixture.waiting('wreck', 'RunContainerError');
  expect(message).toContain('/no/such/program');
});

test('runs init containers one after the other, and none after one that fails', async () => {
  const step = (name: string, script: string, more: object = {}) => ({
    name,
    image: 'script',
    args: [script],
    ...more,
  });
  fixture.run('clipper', 'process.exit(0)', {
    initContainers: [step('first', 'process.exit(0)'), step('helper', PLAY_ON, { restartPolicy: 'Always' })],
  });
  await fixture.phase('clipper', 'Succeeded');
  fixture.run('sunk', PLAY_ON, { initContainers: [step('first', 'process.exit(1)')] });
  await fixture.phase('sunk', 'Failed');
  expect(fixture.container('sunk')?.state.waiting).toBeDefined();
});

test('slows down a program that keeps failing right after its start', async () => {
  for (const name of ['one', 'two', 'three']) {
    fixture.run(name, 'process.exit(1)');
    await fixture.phase(name, 'Failed');
  }
  fixture.run('four', 'process.exit(1)');
  await fixture.waiting('four', 'CrashLoopBackOff');
  fixture.run('other', PLAY_ON);
  await fixture.phase('other', 'Running');
});

test('a Pod beyond the most there may be waits for one to go', async () => {
  const small = new NodeFixture({ maxPods: 1 });
  try {
    small.run('first', PLAY_ON);
    small.run('second', PLAY_ON);
    await small.phase('first', 'Running');
    expect(small.events('second')).toEqual(['Warning FailedScheduling']);
    small.delete('first');
    await small.phase('second', 'Running');
  } finally {
    await small.stop();
  }
});

test('a Pod that is taken away by force has its process killed', async () => {
  fixture.run('raft', `console.log('pid', process.pid); ${PLAY_ON}`);
  const pid = Number(/pid (\d+)/.exec(await fixture.printed('raft', 'pid'))![1]);
  fixture.store.modify('pods', 'default', 'raft', (pod) => {
    pod.metadata.finalizers = [];
  });
  fixture.delete('raft');
  await eventually('the process gone', async () => (await runningOf([pid])).length === 0);
});

test('follows a log, ends with the container, and refuses containers that are not there', async () => {
  fixture.run('gig', `console.log('one'); console.error('two'); setTimeout(() => console.log('three'), 50)`);
  await fixture.printed('gig', 'one');
  const lines: string[] = [];
  for await (const line of fixture.logs.read('default', 'gig', { follow: true })!) lines.push(line);
  expect(lines.toSorted()).toEqual(['one\n', 'three\n', 'two\n']);
  const last: string[] = [];
  for await (const line of fixture.logs.read('default', 'gig', { follow: false, tailLines: 1, timestamps: true })!)
    last.push(line);
  expect(last).toEqual([expect.stringMatching(/^\d{4}-\d\d-\d\dT\S+Z three\n$/)]);
  expect(() => fixture.logs.read('default', 'gig', { follow: false, container: 'none' })).toThrow(
    'not valid for pod gig',
  );
  expect(fixture.logs.read('default', 'none', { follow: false })).toBeUndefined();
});

test('keeps a bounded part of a long log in memory and on disk', async () => {
  fixture.run('tanker', `for (let i = 0; i < 5000; i += 1) console.log('line', i);`);
  await fixture.phase('tanker', 'Succeeded');
  const kept = (await fixture.log('tanker')).trim().split('\n');
  expect(kept).toHaveLength(100);
  expect(kept.at(-1)).toBe('line 4999');
  const directory = join(fixture.directory, 'logs');
  expect(readdirSync(directory).toSorted()).toEqual(['default.tanker.game.log', 'default.tanker.game.log.1']);
});

import { jest } from '@jest/globals';
import { execFile } from 'node:child_process';
import { chooseFreePort } from '../../bin/free-ports.ts';
import { FAULT_KINDS } from '../../local/faults/fault-schema.ts';
import { FaultyLocal } from './faulty-local.ts';

jest.setTimeout(60_000);

let local: FaultyLocal;

beforeAll(async () => {
  local = await FaultyLocal.start();
});

afterEach(() => local.request('DELETE', '/regatta.dev/v1/faults'));
afterAll(() => local.stop());

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the command as it is typed. */
function regatta(...words: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['bin/regatta.js', ...words], (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), stdout, stderr });
    });
  });
}

/** …and has it find the local of this test by its state directory. */
function fault(...words: string[]): Promise<Ended> {
  return regatta('fault', ...words, '--state-dir', local.directory);
}

test('starts a fault with what its options say, found by the state directory', async () => {
  const options = '--for 1.5m --ready-delay 300ms --start-delay 2s --fleet boats --count 3 --probability 0.5 --seed 7';
  const started = await fault('slow-ready', ...options.split(' '));
  expect(started).toMatchObject({ code: 0, stderr: '' });
  const [id = ''] = /^fault-\d+/.exec(started.stdout) ?? [];
  expect(await local.report(id)).toMatchObject({
    kind: 'slow-ready',
    forMs: 90_000,
    readyDelayMs: 300,
    startDelayMs: 2000,
    count: 3,
    probability: 0.5,
    seed: 7,
    target: { labelSelector: 'agones.dev/fleet=boats' },
    active: true,
  });
});

test('finds the local by its port, wherever its folder is', async () => {
  const port = new URL(local.url).port;
  const list = ['--methods', 'POST,PATCH', '--resource', 'fleets', '--namespace', 'default', '--user-agent', 'kubectl'];
  const storm = ['error-storm', '--status', '429', '--retry-after', '2s'];
  expect(await regatta('fault', ...storm, ...list, '--api-port', port)).toMatchObject({ code: 0 });
  const { body } = await local.request('GET', '/regatta.dev/v1/faults');
  expect(body.faults).toContainEqual(
    expect.objectContaining({
      status: 429,
      retryAfterSeconds: 2,
      target: { methods: ['POST', 'PATCH'], resource: 'fleets', namespace: 'default', userAgent: 'kubectl' },
    }),
  );
});

test('lists those that are active and those that were, and ends one or all', async () => {
  const [{ id }, other] = [
    await local.fault({ kind: 'conflict-storm', target: { resource: 'fleets' } }),
    await local.fault({ kind: 'watch-cut' }),
  ];
  const ended = await fault('end', id);
  expect(ended).toMatchObject({ code: 0, stdout: expect.stringMatching(`${id} +conflict-storm +ended +0 of 0`) });
  const { stdout } = await fault('list');
  expect(stdout).toMatch(/^ID +KIND +LASTS +STRUCK/);
  expect(stdout).toMatch(new RegExp(`${id} +conflict-storm +ended .*target=\\{"resource":"fleets"\\}`));
  expect(stdout).toMatch(new RegExp(`${other.id} +watch-cut +[\\d.]+ s more`));
  expect((await fault('end', '--all')).stdout).toMatch(new RegExp(`${other.id} +watch-cut +ended`));
  expect((await fault('end', '--all')).stdout).toBe('there was no fault\n');
});

test('the help names every kind with what it does, and the options of one', async () => {
  const { code, stdout } = await regatta('fault', 'help');
  expect(code).toBe(0);
  for (const kind of Object.keys(FAULT_KINDS)) expect(stdout).toMatch(new RegExp(`  ${kind} +`));
  for (const does of Object.values(FAULT_KINDS)) expect(stdout).toContain(does);
  const one = await regatta('fault', 'help', 'node-gone');
  expect(one.stdout).toContain('--pods-lost-after');
  expect(one.stdout).not.toContain('--latency');
  expect((await regatta('fault', 'node-gone', '--help')).stdout).toBe(one.stdout);
  expect((await regatta('help')).stdout).toContain('regatta fault KIND');
});

test.each([
  [['flood'], /there is no fault "flood"/],
  [['help', 'flood'], /there is no fault "flood"/],
  [['api-slow', '--latency', '3'], /--latency 3: not a time/],
  [['api-slow'], /--latency \(latencyMs\): Required value/],
  [['api-slow', '--latency', '1s', '--count', 'many'], /--count many: not a number/],
  [
    ['api-slow', '--latency', '1s', '--count', '0', '--for', '2h'],
    /--count \(count\): .*\n--for \(forMs\): |--for \(forMs\): .*\n--count/,
  ],
  [['api-slow', '--latency', '1s', '--methods', 'GET,TRACE'], /--methods \(target\.methods\[1\]\): /],
  [['node-gone', '--latency', '1s'], /--latency: node-gone has no such option; it has --for, --pods-lost-after/],
  [['no-capacity', '--fleet', 'a', '--selector', 'b=c'], /--fleet and --selector say the same/],
  [['no-capacity', '--surprise', '1'], /--surprise/],
  [['no-capacity', 'boats'], /boats: no-capacity takes options only/],
  [['no-capacity', '-l', 'a in b'], /\(target\.labelSelector\): /],
  [['end'], /end takes one id, or --all/],
  [['end', 'fault-1', '--all'], /end takes one id, or --all/],
  [['list', 'all'], /all: list takes options only/],
])('refuses %j with 2 and says what is wrong', async (words, message) => {
  const ended = words[0] === 'help' ? await regatta('fault', ...words) : await fault(...words);
  expect(ended).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(message) });
  const { body } = await local.request('GET', '/regatta.dev/v1/faults');
  expect(body.faults.filter(({ active }: { active: boolean }) => active)).toEqual([]);
});

test('ends with 1 where no local runs, and when there is no such fault', async () => {
  const nowhere = await regatta('fault', 'list', '--state-dir', `${local.directory}/nowhere`);
  expect(nowhere).toMatchObject({ code: 1, stderr: expect.stringContaining('no local runs') });
  const port = String(await chooseFreePort());
  const silent = await regatta('fault', 'list', '--api-port', port);
  expect(silent).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`no local answers at http://127.0.0.1:${port}`),
  });
  expect(await fault('end', 'fault-999')).toMatchObject({ code: 1, stderr: expect.stringContaining('fault-999') });
});

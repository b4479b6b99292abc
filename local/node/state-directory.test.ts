import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runningOf } from '../testing/conditions.ts';
import { identifyProcess } from './process-identity.ts';
import { ProcessRecords } from './process-records.ts';
import { StateDirectoryInUseError, takeStateDirectory } from './state-directory.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'regatta-state-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

async function startIdler() {
  const idler = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' });
  await once(idler, 'spawn');
  return { pid: idler.pid!, exited: once(idler, 'exit') };
}

test('a folder is taken once, and again when it was let go', async () => {
  const release = await takeStateDirectory(directory);
  await expect(takeStateDirectory(directory)).rejects.toThrow(StateDirectoryInUseError);
  await expect(takeStateDirectory(directory)).rejects.toThrow('LOCAL_STATE_DIR');
  release();
  const releaseAgain = await takeStateDirectory(directory);
  releaseAgain();
  expect(readdirSync(directory)).toEqual([]);
});

test.each(['{"pid": 1, "identity": "long ago"}', '{"pi', ''])(
  'what a crash left, %j, does not hold a folder',
  async (left) => {
    writeFileSync(join(directory, 'owner.json'), left);
    const release = await takeStateDirectory(directory);
    release();
  },
);

test('a sweep ends what an earlier run left, with all it started', async () => {
  const idler = await startIdler();
  await new ProcessRecords(directory).add(idler.pid, 'idler');
  expect(await new ProcessRecords(directory).sweep()).toEqual(['idler']);
  await idler.exited;
  expect(await runningOf([idler.pid])).toEqual([]);
  expect(readdirSync(directory)).toEqual([]);
});

test('a sweep never touches a later process that got the number of one that was left', async () => {
  const idler = await startIdler();
  const identity = `before ${await identifyProcess(idler.pid)}`;
  writeFileSync(join(directory, `${idler.pid}.json`), JSON.stringify({ pid: idler.pid, identity, name: 'other' }));
  writeFileSync(join(directory, 'broken.json'), '{');
  expect(await new ProcessRecords(directory).sweep()).toEqual([]);
  expect(await runningOf([idler.pid])).toEqual([idler.pid]);
  expect(readdirSync(directory)).toEqual([]);
  process.kill(idler.pid, 'SIGKILL');
  await idler.exited;
});

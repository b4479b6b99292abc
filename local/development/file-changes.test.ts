import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { systemClock } from '../../lib/clock.ts';
import { eventually } from '../testing/conditions.ts';
import { FileChanges } from './file-changes.ts';

let directory: string;
let changes: FileChanges | undefined;
let told: string[][];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'regatta-changes-'));
  told = [];
});

afterEach(() => {
  changes?.stop();
  rmSync(directory, { recursive: true, force: true });
});

function watch(...names: string[]): void {
  changes = new FileChanges({
    paths: names.map((name) => join(directory, name)),
    ignoredDirectories: [join(directory, 'state')],
    clock: systemClock,
    onChange: (paths) => told.push(paths.map((path) => basename(path))),
    onFault: (message) => {
      throw new Error(message);
    },
  });
}

function write(...path: string[]): void {
  writeFileSync(join(directory, ...path), 'content');
}

/** Waits until a change of this name was told, and gives all names told since the last time. */
async function untilTold(name: string): Promise<string[]> {
  await eventually(`${name} told`, () => told.flat().includes(name));
  return told.splice(0).flat();
}

test('sees a file that is written to, replaced by renaming, removed and made again', async () => {
  write('game.py');
  watch('game.py');
  appendFileSync(join(directory, 'game.py'), 'more');
  await untilTold('game.py');
  write('temporary');
  renameSync(join(directory, 'temporary'), join(directory, 'game.py'));
  expect(await untilTold('game.py')).not.toContain('temporary');
  rmSync(join(directory, 'game.py'));
  await untilTold('game.py');
  write('game.py');
  await untilTold('game.py');
  appendFileSync(join(directory, 'game.py'), 'more');
  await untilTold('game.py');
});

test('sees new files and new folders below a folder, also after the folder itself was replaced', async () => {
  mkdirSync(join(directory, 'source/deep'), { recursive: true });
  watch('source');
  write('source', 'deep', 'a.txt');
  await untilTold('a.txt');
  mkdirSync(join(directory, 'source/new/deeper'), { recursive: true });
  write('source', 'new', 'deeper', 'b.txt');
  await untilTold('new');
  appendFileSync(join(directory, 'source/new/deeper/b.txt'), 'more');
  await untilTold('b.txt');

  renameSync(join(directory, 'source'), join(directory, 'old'));
  mkdirSync(join(directory, 'source'));
  write('source', 'c.txt');
  await eventually('the new folder', () => {
    appendFileSync(join(directory, 'source/c.txt'), 'more');
    return told.flat().includes('c.txt');
  });
});

test('tells changes that come together once, and does not see what tools and the state directory write', async () => {
  for (const name of ['source', 'source/__pycache__', 'source/node_modules', 'source/.git', 'state']) {
    mkdirSync(join(directory, name));
  }
  watch('.');
  for (const name of ['__pycache__', 'node_modules', '.git']) write('source', name, 'noise');
  write('source', 'game.py~');
  write('source', '.game.py.swp');
  write('state', 'noise');
  for (const name of ['one', 'two', 'three']) write('source', name);
  expect(new Set(await untilTold('three'))).toEqual(new Set(['one', 'two', 'three']));
  write('source', 'last');
  expect(await untilTold('last')).toEqual(['last']);
});

test('tells nothing after it was stopped', async () => {
  write('game.py');
  watch('game.py');
  appendFileSync(join(directory, 'game.py'), 'more');
  changes?.stop();
  // One that begins later hears of a later change: by then the first would have told of both.
  watch('game.py');
  appendFileSync(join(directory, 'game.py'), 'more');
  await eventually('a change', () => told.length > 0);
  expect(told).toEqual([['game.py']]);
});

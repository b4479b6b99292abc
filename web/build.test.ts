import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { buildPage } from './build.ts';

const MAX_GZIPPED_BYTES = 60_000;

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'regatta-page-'));
  await buildPage({ outDir: directory, minify: true });
});
afterAll(() => rm(directory, { recursive: true, force: true }));

describe('the built page', () => {
  it('runs under a policy of self: nothing inline', async () => {
    const html = await readFile(join(directory, 'index.html'), 'utf8');
    expect(html).toContain('<title>Regatta</title>');
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)/);
    expect(html).not.toMatch(/<style|\sstyle=|\son\w+=/);
    expect(html).not.toMatch(/https?:\/\//);
  });

  it('names files that are there, with a hash of their content', async () => {
    const html = await readFile(join(directory, 'index.html'), 'utf8');
    const named = [...html.matchAll(/\/assets\/([\w.-]+)/g)].map(([, name]) => name);
    const files = await readdir(join(directory, 'assets'));
    expect(new Set(named)).toEqual(new Set(files));
    for (const file of files) expect(file).toMatch(/-[0-9A-Z]{8}\.(js|css)$/);
  });

  it('is small on the wire', async () => {
    const files = await readdir(join(directory, 'assets'));
    const sizes = await Promise.all(
      files.map(async (file) => gzipSync(await readFile(join(directory, 'assets', file))).length),
    );
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(MAX_GZIPPED_BYTES);
  });

  it('leaves no file of an older build behind', async () => {
    await writeFile(join(directory, 'assets', 'page-OLDOLDOL.js'), '');
    await buildPage({ outDir: directory, minify: true });
    expect(await readdir(join(directory, 'assets'))).not.toContain('page-OLDOLDOL.js');
  });
});

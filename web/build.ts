import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export interface BuildPageOptions {
  /** Made when it is not there. Its `assets` folder and `index.html` are replaced. */
  outDir: string;
  minify: boolean;
}

const WEB_DIRECTORY = fileURLToPath(new URL('.', import.meta.url));

/**
 * Builds the page: `index.html`, and under `assets` its script and style with a hash of their content in the name, so
 * that they may be kept for ever. There is nothing inline, so a Content-Security-Policy of `'self'` lets it run.
 *
 * @throws what esbuild found wrong with the sources
 */
export async function buildPage({ outDir, minify }: BuildPageOptions): Promise<void> {
  const assetsDirectory = join(outDir, 'assets');
  await rm(assetsDirectory, { recursive: true, force: true });
  await mkdir(assetsDirectory, { recursive: true });
  const { metafile } = await build({
    absWorkingDir: WEB_DIRECTORY,
    entryPoints: { page: 'main.tsx', style: 'style.css' },
    entryNames: '[name]-[hash]',
    outdir: assetsDirectory,
    bundle: true,
    format: 'esm',
    target: ['es2022', 'safari16'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    minify,
    sourcemap: minify ? false : 'linked',
    legalComments: 'none',
    metafile: true,
    logLevel: 'silent',
  });
  const built = Object.keys(metafile.outputs).map((path) => basename(path));
  const template = await readFile(join(WEB_DIRECTORY, 'index.html'), 'utf8');
  const page = template
    .replace('SCRIPT_FILE', `/assets/${only(built, '.js')}`)
    .replace('STYLE_FILE', `/assets/${only(built, '.css')}`);
  await copyFile(join(WEB_DIRECTORY, 'favicon.svg'), join(outDir, 'favicon.svg'));
  await writeFile(join(outDir, 'index.html'), page);
}

function only(files: string[], ending: string): string {
  const [file, ...others] = files.filter((name) => name.endsWith(ending));
  if (file === undefined || others.length > 0)
    throw new Error(`The build gave not one ${ending} file but ${files.join(', ')}`);
  return file;
}

if (import.meta.main) await buildPage({ outDir: join(WEB_DIRECTORY, 'dist'), minify: true });

import { execFile } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';

/** An npm package that is made of one of our folders. */
export interface PackageRecipe {
  name: string;
  description: string;
  /** Folder and file, from the repository's root: what it exports is the package. */
  folder: string;
  entry: string;
  platform: 'neutral' | 'node';
  /** Of those of the root, at its versions: not bundled. */
  dependencies: readonly string[];
  engines: { node: string };
}

export interface BuiltPackage {
  /** As it is packed. */
  directory: string;
  tarball: string;
}

/** Plain names: the packages are the installation's own, and `private` keeps them off any registry. */
export const PACKAGES = {
  client: {
    name: 'regatta-client',
    description: 'Regatta for players: new game, connect, come back. For browsers and Node',
    folder: 'client',
    entry: 'client/index.ts',
    platform: 'neutral',
    dependencies: [],
    // The first with a WebSocket of its own.
    engines: { node: '>=22' },
  },
  kit: {
    name: 'regatta-kit',
    description: 'Regatta for game developers: a game server on Agones, with sessions, seats and WebSockets',
    folder: 'server/kit',
    entry: 'server/kit/index.ts',
    platform: 'node',
    dependencies: ['@google-cloud/agones-sdk', '@types/ws', 'jose', 'pino', 'ws', 'zod'],
    engines: { node: '>=22' },
  },
} as const satisfies Record<string, PackageRecipe>;

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc');

const run = promisify(execFile);

/**
 * Builds a package as JavaScript with declarations, for Node strips no types under node_modules, and packs it.
 *
 * @param outDir - made when it is not there; the package's own folder in it is replaced
 * @throws what esbuild, tsc or npm found wrong
 */
export async function buildPackage(recipe: PackageRecipe, outDir: string): Promise<BuiltPackage> {
  const directory = join(outDir, recipe.name);
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [recipe.entry],
    outfile: join(directory, 'index.js'),
    bundle: true,
    format: 'esm',
    platform: recipe.platform,
    target: 'es2022',
    external: [...recipe.dependencies],
    sourcemap: 'linked',
    sourcesContent: true,
    metafile: true,
    logLevel: 'silent',
  });
  const strangers = Object.keys(metafile.inputs).filter((path) => path.includes('node_modules/'));
  if (strangers.length > 0) throw new Error(`${recipe.name} would hold code that is not ours: ${strangers.join(', ')}`);
  await writeDeclarations(recipe, directory);
  await writeFile(join(directory, 'package.json'), `${JSON.stringify(await manifestOf(recipe), undefined, 2)}\n`);
  await copyFile(join(ROOT, recipe.folder, 'README.md'), join(directory, 'README.md'));
  await copyFile(join(ROOT, 'LICENSE'), join(directory, 'LICENSE'));
  const { stdout } = await run('npm', ['pack', '--json', '--silent', '--pack-destination', outDir], { cwd: directory });
  const [packed] = JSON.parse(stdout) as { filename: string }[];
  if (packed === undefined) throw new Error(`npm packed nothing in ${directory}`);
  return { directory, tarball: join(outDir, packed.filename) };
}

async function manifestOf(recipe: PackageRecipe): Promise<object> {
  const root = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
    version: string;
    license: string;
    dependencies: Record<string, string>;
    devDependencies: Record<string, string>;
  };
  return {
    name: recipe.name,
    version: root.version,
    description: recipe.description,
    license: root.license,
    private: true,
    type: 'module',
    engines: recipe.engines,
    sideEffects: false,
    exports: { '.': { types: typesEntry(recipe), default: './index.js' } },
    ...(recipe.dependencies.length === 0
      ? {}
      : { dependencies: Object.fromEntries(recipe.dependencies.map((name) => [name, versionOf(name)])) }),
  };

  function versionOf(name: string): string {
    const version = root.dependencies[name] ?? root.devDependencies[name];
    if (version === undefined) throw new Error(`${name} is no dependency of ours`);
    return version;
  }
}

function typesEntry({ entry }: PackageRecipe): string {
  return `./types/${entry.replace(/\.ts$/, '.d.ts')}`;
}

async function writeDeclarations(recipe: PackageRecipe, directory: string): Promise<void> {
  const project = join(directory, 'tsconfig.json');
  const options = { noEmit: false, emitDeclarationOnly: true, declaration: true, outDir: 'types', rootDir: ROOT };
  await writeFile(
    project,
    JSON.stringify({
      extends: join(ROOT, 'tsconfig.json'),
      compilerOptions: { ...options, typeRoots: [join(ROOT, 'node_modules/@types')], types: ['node'] },
      include: [],
      files: [join(ROOT, recipe.entry)],
    }),
  );
  await run(process.execPath, [TSC, '-p', project]);
  await rm(project);
  await keepDeclarations(join(directory, 'types'), join(directory, typesEntry(recipe)));
}

/** A path in a declaration that leads to another one, without its ending. */
const DECLARED_PATH = /((?:from |import\()['"])(\.{1,2}\/[^'"]+)\.ts(?=['"])/g;

/**
 * Keeps those that the entry leads to. The compiler leaves `.ts` in their paths, which only somebody with the sources can
 * follow.
 */
async function keepDeclarations(types: string, entry: string): Promise<void> {
  const kept = new Set<string>([entry]);
  // A set is walked through to its end, whatever is added meanwhile.
  for (const file of kept) {
    const text = await readFile(file, 'utf8');
    for (const [, , path = ''] of text.matchAll(DECLARED_PATH)) kept.add(join(dirname(file), `${path}.d.ts`));
    await writeFile(file, text.replaceAll(DECLARED_PATH, '$1$2.js'));
  }
  for (const file of await readdir(types, { recursive: true, withFileTypes: true })) {
    const path = join(file.parentPath, file.name);
    if (file.isFile() && !kept.has(path)) await rm(path);
  }
}

if (import.meta.main) {
  const outDir = fileURLToPath(new URL('dist', import.meta.url));
  for (const recipe of Object.values(PACKAGES)) {
    const { tarball } = await buildPackage(recipe, outDir);
    process.stdout.write(`${tarball}\n`);
  }
}

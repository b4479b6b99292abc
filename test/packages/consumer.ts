import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { buildPackage } from '../../packages/build.ts';
import type { BuiltPackage, PackageRecipe } from '../../packages/build.ts';

const run = promisify(execFile);
const RUN_DEADLINE_MS = 60_000;
const TSC = resolve('node_modules/typescript/bin/tsc');

/** How a project of somebody else finds modules. */
export type ModuleResolution = 'nodenext' | 'bundler';

/** An empty folder of somebody who uses our packages, and knows nothing of where they come from. */
export class Consumer {
  readonly directory: string;
  readonly #built: string;

  private constructor(directory: string, built: string) {
    this.directory = directory;
    this.#built = built;
  }

  static async start(): Promise<Consumer> {
    const directory = await mkdtemp(join(tmpdir(), 'regatta-consumer-'));
    await writeFile(join(directory, 'package.json'), '{ "name": "consumer", "private": true, "type": "module" }\n');
    return new Consumer(directory, await mkdtemp(join(tmpdir(), 'regatta-packed-')));
  }

  async remove(): Promise<void> {
    for (const each of [this.directory, this.#built]) await rm(each, { recursive: true, force: true });
  }

  /** By npm, from its file alone. */
  async install(recipe: PackageRecipe): Promise<BuiltPackage> {
    const built = await buildPackage(recipe, this.#built);
    await run('npm', ['install', '--offline', '--no-audit', '--no-fund', built.tarball], { cwd: this.directory });
    return built;
  }

  /** As npm would with a registry: what it depends on is linked to what is installed here. */
  async installWithDependencies(recipe: PackageRecipe): Promise<BuiltPackage> {
    const built = await buildPackage(recipe, this.#built);
    const target = join(this.directory, 'node_modules', recipe.name);
    await mkdir(target, { recursive: true });
    await run('tar', ['-xzf', built.tarball, '-C', target, '--strip-components', '1']);
    for (const name of recipe.dependencies) await this.link(name);
    return built;
  }

  /** A package that is installed here. @param as - another name for it, as bundlers give */
  async link(name: string, as = name): Promise<void> {
    const path = join(this.directory, 'node_modules', as);
    await mkdir(dirname(path), { recursive: true });
    await symlink(resolve('node_modules', name), path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }

  async write(file: string, text: string): Promise<void> {
    await writeFile(join(this.directory, file), text);
  }

  /**
   * Type-checks files as strictly as it goes, our declarations included.
   *
   * @returns what the compiler has to say; empty when all is well
   */
  async typeCheck(files: readonly string[], moduleResolution: ModuleResolution, options: object = {}): Promise<string> {
    const project = `tsconfig.${moduleResolution}.json`;
    const compilerOptions = {
      target: 'es2024',
      lib: ['es2024', 'dom', 'dom.iterable'],
      module: moduleResolution === 'nodenext' ? 'nodenext' : 'esnext',
      moduleResolution,
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
      types: [],
      ...options,
    };
    await this.write(project, JSON.stringify({ compilerOptions, files }));
    try {
      await run(process.execPath, [TSC, '-p', project], { cwd: this.directory });
      return '';
    } catch (error) {
      return String((error as { stdout?: string }).stdout);
    }
  }

  /** Runs a program by plain Node. @returns what it printed */
  async run(file: string, ...parameters: string[]): Promise<string> {
    const environment = { PATH: process.env['PATH'] };
    const { stdout } = await run(process.execPath, [file, ...parameters], {
      cwd: this.directory,
      env: environment,
      timeout: RUN_DEADLINE_MS,
    });
    return stdout;
  }
}

/** The TypeScript in a README. */
export async function examplesOf(readme: string): Promise<string[]> {
  const text = await readFile(readme, 'utf8');
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code);
}

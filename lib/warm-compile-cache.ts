import { flushCompileCache } from 'node:module';
import { resolve } from 'node:path';

/**
 * For image builds: `node lib/warm-compile-cache.ts MODULE…` imports the modules and writes what Node compiled to
 * NODE_COMPILE_CACHE, so that a Pod with a read-only file system starts as fast as a second start. The modules must do
 * nothing when imported.
 */
for (const module of process.argv.slice(2)) {
  await import(module.endsWith('.ts') ? resolve(module) : module);
}
flushCompileCache();

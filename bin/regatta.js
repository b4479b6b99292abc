#!/usr/bin/env node
// Plain JavaScript, so that any Node can start it: the rest needs the Node that npm installed beside it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

const MINIMUM_MAJOR = 26;

if (Number.parseInt(process.versions.node, 10) >= MINIMUM_MAJOR) {
  enableCompileCache();
  await import('./main.ts');
} else {
  const newer = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url));
  if (!existsSync(newer)) {
    console.error(
      `regatta needs Node ${MINIMUM_MAJOR}; this is ${process.version}. Run "npm ci" first: it brings one.`,
    );
    process.exit(2);
  }
  const child = spawn(newer, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  // The terminal gives Ctrl-C to both; the child decides when it is over.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 1));
}

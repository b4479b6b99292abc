#!/usr/bin/env node
// Plain JavaScript, so that any Node can start it: the rest needs the Node that npm installed beside it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const MINIMUM_MAJOR = 26;

if (Number.parseInt(process.versions.node, 10) >= MINIMUM_MAJOR) {
  const { enableCompileCache } = await import('node:module');
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
  // Two processes now: the other makes do with less, at the price of some more garbage collections under load.
  const flags = ['--max-semi-space-size=1'];
  const child = spawn(newer, [...flags, fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    // The channel tells the child when this process is gone, however it went.
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  // From a terminal Ctrl-C reaches both, from a script only this one: the child takes two at once for one.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 1));
}

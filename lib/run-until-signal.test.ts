import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** A program that takes its time to load. */
const PROGRAM = `
  const { Lifecycle } = await import(${JSON.stringify(new URL('lifecycle.ts', import.meta.url).href)});
  const { silentLogger } = await import(${JSON.stringify(new URL('logger.ts', import.meta.url).href)});
  const { runUntilSignal } = await import(${JSON.stringify(new URL('run-until-signal.ts', import.meta.url).href)});
  while (process.connected) await new Promise((resolve) => setTimeout(resolve, 5));
  setInterval(() => {}, 1000);
  runUntilSignal(new Lifecycle({ logger: silentLogger, stopDeadlineMs: 1000 }), silentLogger);
`;

test('a program ends whose parent went while it was loaded', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  child.disconnect();
  const stuck = setTimeout(() => child.kill('SIGKILL'), 20_000);
  expect(await once(child, 'exit')).toEqual([0, null]);
  clearTimeout(stuck);
}, 30_000);

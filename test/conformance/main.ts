import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { readOptions, UsageError } from '../../bin/usage.ts';
import { PROJECT_DIRECTORY } from '../../bin/child-program.ts';
import { DIFFERENCES } from './harness/differences.ts';

const HELP = `The same cases on local and on real Agones.

  npm run conformance                          on a local of its own for each file of cases
  npm run conformance -- --kubeconfig FILE     on the cluster that FILE names, with Agones installed
    --workers N                                files side by side (default 2)
    FILES…                                     only files of cases whose path holds one of these

On a cluster the cases make GameServers in namespace default, labelled regatta.dev/conformance, and remove them. Their
Pods run node:26-slim and must be reachable at the addresses in the GameServers' status.
`;

interface Report {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numRuntimeErrorTestSuites: number;
}

async function run(): Promise<number> {
  const { values, positionals } = readOptions(process.argv.slice(2), {
    kubeconfig: { type: 'string' },
    workers: { type: 'string', default: '2' },
    help: { type: 'boolean', short: 'h' },
  });
  if (values.help === true) {
    process.stdout.write(HELP);
    return 0;
  }
  const directory = mkdtempSync(join(tmpdir(), 'regatta-conformance-'));
  const reportPath = join(directory, 'report.json');
  try {
    const code = await runJest(
      [`--maxWorkers=${values.workers}`, '--json', `--outputFile=${reportPath}`, ...narrow(positionals)],
      values.kubeconfig,
    );
    const report = JSON.parse(readFileSync(reportPath, 'utf8')) as Report;
    const failed = report.numFailedTests + report.numRuntimeErrorTestSuites;
    const differences = Object.entries(DIFFERENCES);
    for (const [id, reason] of differences) console.log(`difference ${id}: ${reason}`);
    console.log(
      `conformance on ${values.kubeconfig === undefined ? 'local' : 'Agones'}: ${report.numPassedTests} passed, ` +
        `${failed} failed, ${report.numPendingTests} skipped, ${differences.length} documented differences`,
    );
    return failed === 0 && report.numPassedTests > 0 ? code : 1;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Of all tests those of the suite, or of these files of it. */
function narrow(files: string[]): string[] {
  return ['--testPathPatterns', `conformance/cases/.*(${files.join('|')})`];
}

function runJest(parameters: string[], kubeconfig: string | undefined): Promise<number> {
  const jest = createRequire(import.meta.url).resolve('jest/bin/jest');
  const child = spawn(
    process.execPath,
    ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', jest, ...parameters],
    {
      cwd: PROJECT_DIRECTORY,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: {
        ...process.env,
        ...(kubeconfig === undefined ? {} : { REGATTA_CONFORMANCE_KUBECONFIG: resolve(kubeconfig) }),
      },
    },
  );
  return new Promise((done) => {
    child.once('exit', (code) => {
      done(code ?? 1);
    });
  });
}

try {
  process.exitCode = await run();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`conformance: ${error.message}\n\n${HELP}`);
  process.exitCode = 2;
}

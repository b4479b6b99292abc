import { join, resolve } from 'node:path';
import { readManifests } from './apply-manifests.ts';
import { ChildProgramError, PROJECT_DIRECTORY } from './child-program.ts';
import { requireFreePorts } from './free-ports.ts';
import { Stack } from './stack.ts';
import { readOptions, readPort, readPortRange, UsageError } from './usage.ts';
import { waitForReadyGameServers } from './wait-for-ready.ts';

const GATEWAY_HEALTH_PORT_OFFSET = 1000;

/** `regatta start`: everything on one machine, until Ctrl-C. */
export async function runStart(parameters: string[]): Promise<void> {
  const { values } = readOptions(parameters, {
    port: { type: 'string', default: '8080' },
    'allocator-port': { type: 'string', default: '8081' },
    'api-port': { type: 'string', default: '8090' },
    'health-port': { type: 'string' },
    'game-ports': { type: 'string', default: '7000-8000' },
    file: { type: 'string', short: 'f', multiple: true },
    'state-dir': { type: 'string', default: '.regatta' },
  });
  const port = readPort('port', values.port);
  const allocatorPort = readPort('allocator-port', values['allocator-port']);
  const apiPort = readPort('api-port', values['api-port']);
  const gatewayHealthPort = readPort('health-port', values['health-port'] ?? String(port + GATEWAY_HEALTH_PORT_OFFSET));
  const files = values.file ?? [join(PROJECT_DIRECTORY, 'fleets/base')];
  const manifests = files.flatMap(readManifests);
  await requireFreePorts([
    { port, option: 'port', purpose: 'the page' },
    { port: allocatorPort, option: 'allocator-port', purpose: 'the allocator' },
    { port: apiPort, option: 'api-port', purpose: 'the Kubernetes API' },
    { port: gatewayHealthPort, option: 'health-port', purpose: "the gateway's health" },
  ]);

  const startedAtMs = Date.now();
  const say = (line: string): void => {
    process.stdout.write(`${((Date.now() - startedAtMs) / 1000).toFixed(1).padStart(5)} s  ${line}\n`);
  };
  const ended = interruption();
  const stack = await startOrExplain({
    stateDirectory: resolve(values['state-dir']),
    port,
    allocatorPort,
    apiPort,
    gatewayHealthPort,
    gamePorts: readPortRange('game-ports', values['game-ports']),
    manifests,
    onStep: say,
  });
  process.stdout.write(`\n  Play:     ${stack.url}\n  kubectl:  --kubeconfig ${stack.kubeconfigPath}\n\n`);
  void waitForReadyGameServers(stack.apiUrl, 1, 60_000).then((ready) => {
    say(
      ready > 0 ? `${ready} GameServers are Ready: press New Game` : 'no GameServer is Ready yet; see kubectl get gs',
    );
  });

  const why = await Promise.race([ended, stack.firstExit()]);
  say(
    why === 'interrupted'
      ? 'stopping'
      : `${why} has ended by itself: stopping (logs are in ${values['state-dir']}/logs)`,
  );
  await stack.stop();
  say('stopped');
  process.exit(why === 'interrupted' ? 0 : 1);
}

async function startOrExplain(options: Parameters<typeof Stack.start>[0]): Promise<Stack> {
  try {
    return await Stack.start(options);
  } catch (error) {
    if (error instanceof ChildProgramError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

const SAME_INTERRUPTION_MS = 1000;

/** Resolves at the first SIGINT, SIGTERM, or hang-up of the terminal; another, a second later or more, exits at once. */
function interruption(): Promise<string> {
  return new Promise((resolve) => {
    let firstMs: number | undefined;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        firstMs ??= Date.now();
        if (Date.now() - firstMs >= SAME_INTERRUPTION_MS) process.exit(1);
        resolve('interrupted');
      });
    }
  });
}

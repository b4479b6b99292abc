import { join } from 'node:path';
import { readManifests } from './apply-manifests.ts';
import { ChildProgramError, PROJECT_DIRECTORY } from './child-program.ts';
import { requireFreePorts } from './free-ports.ts';
import { interruption } from './interruption.ts';
import { LOCAL_OPTIONS, readLocalOptions } from './local-options.ts';
import { Stack } from './stack.ts';
import { passedOverLine, printReport, Terminal } from './terminal.ts';
import { readOptions, readPort, UsageError } from './usage.ts';
import { waitForReadyGameServers } from './wait-for-ready.ts';

const GATEWAY_HEALTH_PORT_OFFSET = 1000;

/** `regatta start`: everything on one machine, until Ctrl-C. */
export async function runStart(parameters: string[]): Promise<void> {
  const { values } = readOptions(parameters, {
    ...LOCAL_OPTIONS,
    port: { type: 'string', default: '8080' },
    'allocator-port': { type: 'string', default: '8081' },
    'health-port': { type: 'string' },
    logs: { type: 'boolean', default: false },
  });
  const port = readPort('port', values.port);
  const allocatorPort = readPort('allocator-port', values['allocator-port']);
  const gatewayHealthPort = readPort('health-port', values['health-port'] ?? String(port + GATEWAY_HEALTH_PORT_OFFSET));
  const { manifests, ...local } = readLocalOptions(values);
  await requireFreePorts([
    { port, option: 'port', purpose: 'the page' },
    { port: allocatorPort, option: 'allocator-port', purpose: 'the allocator' },
    { port: local.apiPort, option: 'api-port', purpose: 'the Kubernetes API' },
    { port: gatewayHealthPort, option: 'health-port', purpose: "the gateway's health" },
  ]);

  const terminal = new Terminal(process.stdout);
  const say = (line: string): void => {
    terminal.say(line);
  };
  const ended = interruption();
  const stack = await startOrExplain({
    ...local,
    port,
    allocatorPort,
    gatewayHealthPort,
    manifests: manifests ?? readManifests(join(PROJECT_DIRECTORY, 'fleets/base')),
    sendLogLines: values.logs,
    onStep: say,
    onPassedOver(passedOver) {
      // What deploys Regatta itself is in the same folder, and no news.
      if (manifests !== undefined && passedOver.length > 0) terminal.notice(passedOverLine(passedOver));
    },
    onReport(report) {
      printReport(terminal, report);
    },
  });
  process.stdout.write(`\n  Play:     ${stack.url}\n  kubectl:  --kubeconfig ${stack.kubeconfigPath}\n\n`);
  void waitForReadyGameServers(stack.apiUrl, 1, 60_000).then((ready) => {
    say(ready > 0 ? 'GameServers are Ready: press New Game' : 'no GameServer is Ready yet; see kubectl get gs');
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

import { runFault } from './fault.ts';
import { runKeys } from './keys.ts';
import { runLocal } from './local.ts';
import { runStart } from './start.ts';
import { UsageError } from './usage.ts';

const HELP = `regatta: one click, one game server, on Agones

  regatta start        everything on this machine: Agones (local), the Fleet, allocator, gateway and the page
    --port N           the page and the one front door           (default 8080)
    --allocator-port N the allocator, behind the gateway         (default 8081)
    --api-port N       the Kubernetes API of local               (default 8090)
    --game-ports A-B   ports for GameServers                     (default 7000-8000)
    -f FILE            Fleet and FleetAutoscaler YAML, repeatable (default fleets/base)
    --state-dir DIR    keys, logs, kubeconfig                    (default .regatta)
  regatta local        only Agones on one machine, for kubectl and for tests
    --api-port, --game-ports, --state-dir as above
    --allocator-service-port N  Agones' allocator service, gRPC and REST with mTLS (default off)
    --fake N           a Fleet of N GameServers that need no program (to 10000): for benchmarks, autoscalers
    --fake-ready-ms N  from their start until they are Ready     (default 500)
    --fake-session-ms N  from Allocated until they end           (default never)
  regatta fault KIND   has something go wrong in the local that runs, for a while; also: list, end, help
  regatta keys DIR     writes sealing.json, signing.json (secret) and join-keys.json (public)

  Ctrl-C ends it all.
`;

const COMMANDS: Record<string, (parameters: string[]) => Promise<void>> = {
  start: runStart,
  local: runLocal,
  fault: runFault,
  keys: runKeys,
};

const [name, ...parameters] = process.argv.slice(2);
const command = COMMANDS[name ?? ''];

if (command === undefined) {
  const asked = name === undefined || name === 'help' || name === '--help' || name === '-h';
  (asked ? process.stdout : process.stderr).write(asked ? HELP : `regatta: there is no command "${name}"\n\n${HELP}`);
  process.exitCode = asked ? 0 : 2;
} else {
  try {
    await command(parameters);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`regatta ${name}: ${error.message}\n`);
    process.exitCode = 2;
  }
}

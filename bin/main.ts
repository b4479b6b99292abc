import { UsageError } from './usage.ts';

const HELP = `regatta: one click, one game server, on Agones

  regatta start        everything on this machine: Agones (local), the Fleet, allocator, gateway and the page
    --port N           the page and the one front door           (default 8080)
    --allocator-port N the allocator, behind the gateway         (default 8081)
    --logs             show what GameServers print
    and every option of local; without -f the Fleet is that of fleets/base
  regatta local        only Agones on one machine, for kubectl, games and tests
    -f PATH            applies YAML or JSON: a file or a folder; repeatable
    --command 'IMAGE=PROGRAM ARGUMENTS'
                       the program that stands for an image, run where you are; repeatable.
                       NAME=value words before the program are its environment
    --watch PATH       GameServers start anew when these files change; IMAGE=PATH for one image; repeatable
    --restart-allocated  Allocated ones too
    --no-logs          do not show what GameServers print
    --api-port N       the Kubernetes API                        (default 8090)
    --game-ports A-B   ports for GameServers                     (default 7000-8000)
    --state-dir DIR    keys, logs, kubeconfig                    (default .regatta)
    --allocator-service-port N  Agones' allocator service, gRPC and REST with mTLS (default off)
    --fake N           a Fleet of N GameServers that need no program (to 10000): for benchmarks, autoscalers
    --fake-ready-ms N  from their start until they are Ready     (default 500)
    --fake-session-ms N  from Allocated until they end           (default never)
  regatta fault KIND   has something go wrong in the local that runs, for a while; also: list, end, help
  regatta sdk          the SDK for a game that is started by hand, in place of Agones' sdk-server --local
    -f FILE            its GameServer, YAML or JSON; a save is taken over at once
    --grpc-port N      the SDK over gRPC                         (default 9357)
    --http-port N      the SDK over HTTP                         (default 9358)
    --address HOST     where both listen                         (default localhost)
    --feature-gates PlayerTracking=true   the alpha calls
    --timeout S, --delay S                ends after so long; begins after so long
    --api-port, --allocator-service-port, --state-dir as above: it can be allocated from
  regatta keys DIR     writes sealing.json, signing.json (secret) and join-keys.json (public)

  Ctrl-C ends it all.
`;

type Command = (parameters: string[]) => Promise<void>;

/** Each is loaded when it is asked for: what one needs the others do not wait for. */
const COMMANDS: Record<string, () => Promise<Command>> = {
  start: async () => (await import('./start.ts')).runStart,
  local: async () => (await import('./local.ts')).runLocal,
  fault: async () => (await import('./fault.ts')).runFault,
  sdk: async () => (await import('./sdk.ts')).runSdk,
  keys: async () => (await import('./keys.ts')).runKeys,
};

const [name, ...parameters] = process.argv.slice(2);
const load = COMMANDS[name ?? ''];

if (load === undefined) {
  const asked = name === undefined || name === 'help' || name === '--help' || name === '-h';
  (asked ? process.stdout : process.stderr).write(asked ? HELP : `regatta: there is no command "${name}"\n\n${HELP}`);
  process.exitCode = asked ? 0 : 2;
} else {
  try {
    const command = await load();
    await command(parameters);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`regatta ${name}: ${error.message}\n`);
    process.exitCode = 2;
  }
}

import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { PROJECT_DIRECTORY } from './child-program.ts';
import { requireFreePorts } from './free-ports.ts';
import { localEnvironment } from './stack.ts';
import { readOptions, readPort, readPortRange } from './usage.ts';

/** `regatta local`: the program as it is, in the foreground. */
export async function runLocal(parameters: string[]): Promise<void> {
  const { values } = readOptions(parameters, {
    'api-port': { type: 'string', default: '8090' },
    'allocator-service-port': { type: 'string' },
    'game-ports': { type: 'string', default: '7000-8000' },
    'state-dir': { type: 'string', default: '.regatta' },
  });
  const apiPort = readPort('api-port', values['api-port']);
  const serviceText = values['allocator-service-port'];
  const servicePort = serviceText === undefined ? undefined : readPort('allocator-service-port', serviceText);
  await requireFreePorts([
    { port: apiPort, option: 'api-port', purpose: 'the Kubernetes API' },
    ...(servicePort === undefined
      ? []
      : [{ port: servicePort, option: 'allocator-service-port', purpose: "Agones' allocator service" }]),
  ]);
  const child = spawn(process.execPath, ['local/main.ts'], {
    cwd: PROJECT_DIRECTORY,
    env: {
      ...process.env,
      ...localEnvironment({
        stateDirectory: resolve(values['state-dir']),
        apiPort,
        gamePorts: readPortRange('game-ports', values['game-ports']),
      }),
      ...(servicePort === undefined
        ? {}
        : { LOCAL_ALLOCATOR_HTTP_PORT: String(servicePort), LOCAL_ALLOCATOR_GRPC_PORT: String(servicePort) }),
    },
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  // Ctrl-C reaches both; the program says when it is over.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  await new Promise<void>((done) => {
    child.once('exit', (code) => {
      process.exitCode = code ?? 1;
      done();
    });
  });
}

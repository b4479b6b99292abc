import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { applyManifests } from './apply-manifests.ts';
import { PROJECT_DIRECTORY } from './child-program.ts';
import { fakeFleet, readFakeCount } from './fake-fleet.ts';
import { requireFreePorts } from './free-ports.ts';
import { localEnvironment } from './stack.ts';
import { readOptions, readPort, readPortRange } from './usage.ts';

/** `regatta local`: the program as it is, in the foreground. */
export async function runLocal(parameters: string[]): Promise<void> {
  const { values } = readOptions(parameters, {
    'api-port': { type: 'string', default: '8090' },
    'allocator-service-port': { type: 'string' },
    'game-ports': { type: 'string', default: '7000-8000' },
    fake: { type: 'string' },
    'fake-ready-ms': { type: 'string' },
    'fake-session-ms': { type: 'string' },
    'state-dir': { type: 'string', default: '.regatta' },
  });
  const fakes = values.fake === undefined ? undefined : readFakeCount(values.fake);
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
      ...(values['fake-ready-ms'] === undefined ? {} : { LOCAL_FAKE_READY_MS: values['fake-ready-ms'] }),
      ...(values['fake-session-ms'] === undefined ? {} : { LOCAL_FAKE_SESSION_MS: values['fake-session-ms'] }),
    },
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  if (fakes !== undefined) {
    child.once('message', ({ url }: { url: string }) => {
      applyManifests(url, [fakeFleet(fakes)]).catch((error: unknown) => {
        process.stderr.write(`regatta local: ${error instanceof Error ? error.message : 'the Fleet cannot be made'}\n`);
        child.kill('SIGTERM');
      });
    });
  }
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

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ConfigError } from '../lib/config.ts';
import { loadConfig } from './config.ts';

test('has a default for everything', () => {
  const config = loadConfig({});
  expect(config).toMatchObject({
    port: 8090,
    listenAddress: '127.0.0.1',
    stateDirectory: resolve('.regatta/local'),
    minGamePort: 7000,
    maxGamePort: 8000,
    allocationBatchWaitMs: 500,
    sdkWriteIntervalMs: 500,
  });
  expect(config.images.size).toBe(0);
});

test('names every fault at once', () => {
  const fault = faultOf({
    LOCAL_PORT: 'x',
    LOCAL_MAX_PODS: '0',
    LOCAL_IMAGES: '{"a:1": {"command": []}, "b:1": {"command": ["node"], "dir": "/"}}',
    LOCAL_IMAGES_FILE: '/no/such/file',
    LOCAL_SERVICES: '{"games/scaler": "http://127.0.0.1"}',
  });
  for (const named of [
    'LOCAL_SERVICES["games/scaler"]',
    'LOCAL_PORT',
    'LOCAL_MAX_PODS',
    'LOCAL_IMAGES["a:1"].command',
    '["b:1"]',
    '/no/such/file',
  ]) {
    expect(fault).toContain(named);
  }
});

test('refuses a port range that ends before it begins', () => {
  expect(faultOf({ LOCAL_MIN_GAME_PORT: '8000', LOCAL_MAX_GAME_PORT: '7000' })).toContain('LOCAL_MAX_GAME_PORT');
});

test('reads images from YAML, with folders relative to the file, and those of the variable go before', () => {
  const directory = mkdtempSync(join(tmpdir(), 'regatta-config-'));
  const file = join(directory, 'images.yaml');
  writeFileSync(file, 'one:1:\n  command: [node, one.js]\n  cwd: games\n  watch: [src]\ntwo:1:\n  command: [old]\n');
  const { images } = loadConfig({ LOCAL_IMAGES_FILE: file, LOCAL_IMAGES: '{"two:1":{"command":["new"]}}' });
  rmSync(directory, { recursive: true });
  expect(Object.fromEntries(images)).toEqual({
    'one:1': { command: ['node', 'one.js'], cwd: join(directory, 'games'), watch: [join(directory, 'games/src')] },
    'two:1': { command: ['new'] },
  });
});

test('knows where Services are on this machine', () => {
  const { services } = loadConfig({ LOCAL_SERVICES: '{"games/scaler": "127.0.0.1:9000"}' });
  expect([...services]).toEqual([['games/scaler', '127.0.0.1:9000']]);
});

test('has the allocator service off unless a port is set', () => {
  expect(loadConfig({}).allocatorService).toBeUndefined();
  expect(loadConfig({ LOCAL_ALLOCATOR_GRPC_PORT: '8443', LOCAL_STATE_DIR: '/state' }).allocatorService).toEqual({
    httpPort: undefined,
    grpcPort: 8443,
    listenAddress: '127.0.0.1',
    tls: { directory: resolve('/state/allocator-service'), requireClientCertificate: true },
    unallocatedStatusCode: 429,
  });
  const clear = { LOCAL_ALLOCATOR_HTTP_PORT: '0', LOCAL_ALLOCATOR_DISABLE_TLS: 'true' };
  expect(loadConfig(clear).allocatorService).toMatchObject({ httpPort: 0, tls: undefined });
  expect(faultOf({ LOCAL_ALLOCATOR_HTTP_PORT: '-1' })).toContain('LOCAL_ALLOCATOR_HTTP_PORT');
});

test('passes to processes what the machine needs and nothing else', () => {
  const { baseEnvironment } = loadConfig({ PATH: '/bin', HOME: '/home/me', KUBECONFIG: '/secret', AWS_SECRET: 'x' });
  expect(baseEnvironment).toEqual({ PATH: '/bin', HOME: '/home/me' });
});

function faultOf(environment: Parameters<typeof loadConfig>[0]): string {
  try {
    loadConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error('no fault was found');
}

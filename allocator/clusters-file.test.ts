import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '../lib/config.ts';
import { ensureLocalCertificates } from '../local/allocator-service/certificates/local-certificates.ts';
import type { ClusterConfig } from './clusters-file.ts';
import { loadConfig } from './config.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'regatta-clusters-file-'));
  for (const name of ['one', 'other']) ensureLocalCertificates(join(directory, name), [], Date.now());
  writeFileSync(join(directory, 'kubeconfig'), JSON.stringify({ contexts: [{ name: 'europe' }] }));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function read(text: string): readonly ClusterConfig[] | undefined {
  const file = join(directory, 'clusters.yaml');
  writeFileSync(file, text);
  const keys = { SEALING_KEYS_FILE: 'a', SIGNING_KEYS_FILE: 'b' };
  return loadConfig({ ...keys, CLUSTERS_FILE: file }).CLUSTERS_FILE;
}

/** All that is said to be wrong with the file. */
function faultsOf(text: string): string {
  try {
    read(text);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return 'none';
}

const service = (fields = '') =>
  `clusters: [{name: far, region: asia, games: [{name: boat-race, seats: 8}], allocator: {endpoint: 'a.example.com:443',
     namespace: default, caFile: one/client/ca.crt, certFile: one/client/tls.crt, keyFile: one/client/tls.key ${fields}}}]`;

describe('a clusters file', () => {
  it('is YAML or JSON; files are found from its folder, and what is not said has a default', () => {
    const far = read(service())?.[0];
    expect(far).toMatchObject({ name: 'far', priority: 0, weight: 1, games: [{ name: 'boat-race', seats: 8 }] });
    expect(far?.allocator?.keyFile).toBe(join(directory, 'one/client/tls.key'));
    const near = { name: 'near', region: 'europe', kubeconfig: 'kubeconfig', context: 'europe', namespace: 'games' };
    expect(read(JSON.stringify({ clusters: [near, { name: 'own', region: 'europe', weight: 0 }] }))).toEqual([
      { ...near, priority: 0, weight: 1, kubeconfig: join(directory, 'kubeconfig') },
      { name: 'own', region: 'europe', priority: 0, weight: 0 },
    ]);
  });

  it('has all its faults named at once, with those of the environment', () => {
    const file = join(directory, 'clusters.yaml');
    writeFileSync(
      file,
      `clusters:
        - { name: a b, region: europe, priority: -1 }
        - { name: east, pingUrl: 'ftp://x', colour: red }
        - { name: east, region: europe, weight: 1.5, games: [] }`,
    );
    expect(() => loadConfig({ CLUSTERS_FILE: file, PORT: 'x' })).toThrow(ConfigError);
    let text = '';
    try {
      loadConfig({ CLUSTERS_FILE: file, PORT: 'x' });
    } catch (error) {
      text = String(error);
    }
    const places = ['[0].name', '[0].priority', '[1].region', '[1].pingUrl', '[2].weight', '[2].games'];
    for (const place of places) expect(text).toContain(`CLUSTERS_FILE.clusters${place}`);
    for (const other of ['colour', 'PORT', 'SEALING_KEYS_FILE']) expect(text).toContain(other);
  });

  it('does not go with CONFIRM where a cluster has nothing but its allocator service', () => {
    const file = join(directory, 'clusters.yaml');
    writeFileSync(file, service());
    const keys = { SEALING_KEYS_FILE: 'keys', SIGNING_KEYS_FILE: 'keys', CLUSTERS_FILE: file };
    expect(loadConfig(keys).CONFIRM).toBe(false);
    expect(() => loadConfig({ ...keys, CONFIRM: 'true' })).toThrow(/needs the Kubernetes API.*CONFIRM/s);
  });

  it.each<[string, string, string[]]>([
    ['no file', '', ['clusters.yaml']],
    ['no YAML', 'clusters: [', ['cannot be read']],
    ['no clusters', 'clusters: []', ['CLUSTERS_FILE.clusters']],
    ['too many', `clusters: [${'{name: a, region: b},'.repeat(17)}]`, ['CLUSTERS_FILE.clusters']],
    ['a name twice', 'clusters: [{name: a, region: b}, {name: a, region: c}]', ['clusters[1].name', 'twice']],
    [
      'a kubeconfig that is missing',
      'clusters: [{name: a, region: b, kubeconfig: nowhere}]',
      ['clusters[0].kubeconfig', 'nowhere'],
    ],
    [
      'a context that is not in it',
      'clusters: [{name: a, region: b, kubeconfig: kubeconfig, context: mars}]',
      ['clusters[0].context'],
    ],
    [
      'games of a cluster that tells them itself',
      'clusters: [{name: a, region: b, games: [{name: c, seats: 1}]}]',
      ['clusters[0].games'],
    ],
    [
      'a service and a Kubernetes API at once, and no games',
      service().replace('games: [{name: boat-race, seats: 8}]', 'kubeconfig: kubeconfig, context: europe'),
      ['clusters[0].kubeconfig', 'clusters[0].context', 'clusters[0].games'],
    ],
    ['an endpoint without a port', service().replace(':443', ''), ['clusters[0].allocator.endpoint']],
    ['a game with too many seats', service().replace('seats: 8', 'seats: 1001'), ['clusters[0].games[0].seats']],
  ])('is refused with %s', (_what, text, said) => {
    if (text === '') {
      const keys = { SEALING_KEYS_FILE: 'a', SIGNING_KEYS_FILE: 'b' };
      expect(() => loadConfig({ ...keys, CLUSTERS_FILE: join(directory, 'clusters.yaml') })).toThrow('clusters.yaml');
      return;
    }
    for (const part of said) expect(faultsOf(text)).toContain(part);
  });

  it.each<[string, () => void, string[]]>([
    ['a key is missing', () => rmSync(join(directory, 'one/client/tls.key')), ['allocator.keyFile', 'tls.key']],
    ['an authority is missing', () => rmSync(join(directory, 'one/client/ca.crt')), ['allocator.caFile', 'ca.crt']],
    [
      'a certificate is half written',
      () => {
        writeFileSync(join(directory, 'one/client/tls.crt'), '-----BEGIN CERTIFICATE-----\nMIIB');
      },
      ['allocator.certFile', 'holds no certificate'],
    ],
    [
      'the key is a folder',
      () => {
        rmSync(join(directory, 'one/client/tls.key'));
        mkdirSync(join(directory, 'one/client/tls.key'));
      },
      ['allocator.keyFile', 'cannot be read'],
    ],
  ])('is refused when %s, with the name of the file and nothing of what is in it', (_what, spoil, said) => {
    spoil();
    const text = faultsOf(service());
    for (const part of said) expect(text).toContain(part);
    expect(text).not.toContain('MII');
  });

  it('is refused when key and certificate are of different pairs', () => {
    expect(faultsOf(service().replace('one/client/tls.key', 'other/client/tls.key'))).toContain('is not the key of');
  });
});

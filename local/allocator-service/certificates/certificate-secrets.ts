import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubernetesObject } from '../../../lib/agones.ts';
import type { ObjectStore } from '../../api/store.ts';
import { CERTIFICATE_FILES } from './local-certificates.ts';

const SECRETS = [
  {
    namespace: 'default',
    name: 'allocator-client.default',
    type: 'kubernetes.io/tls',
    files: { 'tls.crt': CERTIFICATE_FILES.clientCertificate, 'tls.key': CERTIFICATE_FILES.clientKey },
  },
  {
    namespace: 'agones-system',
    name: 'allocator-tls-ca',
    type: 'Opaque',
    files: { 'tls-ca.crt': CERTIFICATE_FILES.serverAuthority },
  },
];

/**
 * Puts what a client of the allocator service needs where Agones' installation has it: the Secrets
 * `allocator-client.default` and `allocator-tls-ca`. One whose files are not there is left out.
 */
export function createCertificateSecrets(store: ObjectStore, directory: string): void {
  for (const { namespace, name, type, files } of SECRETS) {
    const entries = Object.entries(files).map(([key, file]) => [key, join(directory, file)] as const);
    if (!entries.every(([, path]) => existsSync(path))) continue;
    store.create<KubernetesObject & { type: string; data: Record<string, string> }>('secrets', {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace, name },
      type,
      data: Object.fromEntries(entries.map(([key, path]) => [key, readFileSync(path).toString('base64')])),
    });
  }
}

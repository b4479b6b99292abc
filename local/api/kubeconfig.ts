import { stringify } from 'yaml';

/**
 * A kubeconfig for one API on one machine, without credentials.
 *
 * `insecure-skip-tls-verify` means nothing to kubectl on plain http; `@kubernetes/client-node` (2.0) talks http only
 * to a cluster that has it.
 *
 * @param serverUrl - e.g. `http://127.0.0.1:6443`
 * @param contextName - name of the cluster, the user and the context
 */
export function kubeconfigText(serverUrl: string, contextName = 'local', namespace = 'default'): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: contextName, cluster: { server: serverUrl, 'insecure-skip-tls-verify': true } }],
    users: [{ name: contextName, user: {} }],
    contexts: [{ name: contextName, context: { cluster: contextName, user: contextName, namespace } }],
    'current-context': contextName,
  });
}

/**
 * Where `local` and real Agones are known to answer differently, each with its reason; docs/local.md tells readers.
 *
 * A case names its difference by `cluster.expected(id, { agones, local })`. At most five.
 */
const documented = {
  'sdk-server-ports':
    'spec.sdkServer names the ports of the SDK server; on one machine GameServers share one network, so each has others.',
} as const satisfies Record<string, string>;

export const DIFFERENCES: Readonly<Record<string, string>> = documented;

export type DifferenceId = keyof typeof documented;

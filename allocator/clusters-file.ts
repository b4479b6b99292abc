import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { MAX_SEATS } from '../lib/session.ts';
import { CertificateFilesError } from '../lib/certificate-files.ts';
import { readClientIdentity } from './client-identity.ts';

const MAX_CLUSTERS = 16;
const MAX_GAMES = 100;
const MAX_FILE_BYTES = 262_144;

/** As a label's value may be: regions and games stand in labels, and all of them in metrics. */
const name = z
  .string()
  .max(63)
  .regex(/^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/, 'is not a name: letters, digits, and - _ . between them');

const file = z.string().min(1);

/** Agones' allocator service as the way into a cluster. */
const allocatorService = z.strictObject({
  /** `host:port`. */
  endpoint: z.string().regex(/^(\[[0-9a-fA-F:]+\]|[^:/\s[\]]+):\d{1,5}$/, 'is not HOST:PORT'),
  /** Of the GameServers there. */
  namespace: name,
  /** Of whom the service's certificate has to come. */
  caFile: file,
  /** What we show. */
  certFile: file,
  keyFile: file,
});

const game = z.strictObject({ name, seats: z.int().min(1).max(MAX_SEATS) });

const cluster = z
  .strictObject({
    name,
    region: name,
    /** Lower first. */
    priority: z.int().min(0).max(1000).default(0),
    weight: z.int().min(0).max(1000).default(1),
    /** What a browser may ask to measure how far the region is. */
    pingUrl: z.url({ protocol: /^https?$/ }).optional(),
    /** Which of a GameServer's addresses the gateway is sent to. @default GAME_SERVER_ADDRESS_TYPE */
    addressType: z.string().min(1).max(63).optional(),
    /** Without one the client's own search, as for a single cluster. */
    kubeconfig: file.optional(),
    /** @default the kubeconfig's current one */
    context: z.string().min(1).optional(),
    /** @default that of the context */
    namespace: name.optional(),
    allocator: allocatorService.optional(),
    games: z.array(game).min(1).max(MAX_GAMES).optional(),
  })
  .superRefine(({ allocator, games, ...access }, context) => {
    const fault = (field: string, message: string): void => {
      context.addIssue({ code: 'custom', path: [field], message });
    };
    if (allocator === undefined) {
      if (games !== undefined) fault('games', 'is told by the Fleets where there is a Kubernetes API');
      return;
    }
    for (const field of ['kubeconfig', 'context', 'namespace'] as const) {
      if (access[field] !== undefined) fault(field, 'is of the Kubernetes API, and there is an allocator service');
    }
    if (games === undefined) fault('games', 'is needed: an allocator service tells of none');
    else refuseTwice(games, 'games', context);
  });

const schema = z
  .strictObject({ clusters: z.array(cluster).min(1).max(MAX_CLUSTERS) })
  .superRefine(({ clusters }, context) => {
    refuseTwice(clusters, 'clusters', context);
  });

/** One cluster as the file describes it. Paths of files are absolute. */
export type ClusterConfig = z.output<typeof cluster>;

/**
 * `CLUSTERS_FILE`: the path in, the clusters out. Every fault of the file, and of the files it names, is an issue with its
 * place in the file.
 */
export const clustersFile = z.string().transform((path, context): ClusterConfig[] => {
  const parsed = schema.safeParse(readYaml(path, context));
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      context.addIssue({ code: 'custom', path: issue.path, message: issue.message });
    }
    return z.NEVER;
  }
  const directory = dirname(resolve(path));
  return parsed.data.clusters.map((each, index) => withFiles(each, directory, ['clusters', index], context));
});

type Issues = z.core.$RefinementCtx;

function readYaml(path: string, context: Issues): unknown {
  try {
    if (statSync(path).size > MAX_FILE_BYTES) throw new Error(`it is larger than ${MAX_FILE_BYTES} bytes`);
    // JSON is YAML.
    return parse(readFileSync(path, 'utf8')) as unknown;
  } catch (error) {
    context.addIssue({ code: 'custom', message: `${path} cannot be read: ${messageOf(error)}` });
    return z.NEVER;
  }
}

/** With its files' paths made absolute, and the files looked at. */
function withFiles(
  { kubeconfig, allocator, ...rest }: ClusterConfig,
  directory: string,
  path: (string | number)[],
  context: Issues,
): ClusterConfig {
  const absolute = (given: string): string => resolve(directory, given);
  if (allocator === undefined) {
    if (kubeconfig === undefined) return rest;
    const found = absolute(kubeconfig);
    const fault = kubeconfigFault(found, rest.context);
    if (fault !== undefined) context.addIssue({ code: 'custom', path: [...path, fault.field], message: fault.message });
    return { ...rest, kubeconfig: found };
  }
  const files = {
    caFile: absolute(allocator.caFile),
    certFile: absolute(allocator.certFile),
    keyFile: absolute(allocator.keyFile),
  };
  try {
    readClientIdentity(files);
  } catch (error) {
    if (!(error instanceof CertificateFilesError)) throw error;
    context.addIssue({ code: 'custom', path: [...path, 'allocator', error.field], message: error.message });
  }
  return { ...rest, allocator: { ...allocator, ...files } };
}

function kubeconfigFault(path: string, wanted: string | undefined): { field: string; message: string } | undefined {
  let contexts: unknown;
  try {
    contexts = (parse(readFileSync(path, 'utf8')) as { contexts?: unknown } | null)?.contexts;
  } catch (error) {
    return { field: 'kubeconfig', message: `${path} cannot be read: ${messageOf(error)}` };
  }
  const names = Array.isArray(contexts) ? contexts.map((each: { name?: unknown } | null) => each?.name) : [];
  if (names.length === 0) return { field: 'kubeconfig', message: `${path} has no contexts` };
  if (wanted === undefined || names.includes(wanted)) return undefined;
  return { field: 'context', message: `is not in ${path}` };
}

/** The reason alone: the message of a parser quotes its file. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown fault';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return error.message.split('\n')[0] ?? '';
}

function refuseTwice(named: readonly { name: string }[], list: string, context: Issues): void {
  for (const [index, { name: each }] of named.entries()) {
    if (named.findIndex((other) => other.name === each) === index) continue;
    context.addIssue({ code: 'custom', path: [list, index, 'name'], message: 'is there twice' });
  }
}

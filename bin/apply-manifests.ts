import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { askApi } from './ask-api.ts';
import { UsageError } from './usage.ts';

/** One object of a YAML or JSON file, as it was found: whether it is right the API says. */
export interface Manifest {
  file: string;
  object: ManifestObject;
}

interface ManifestObject {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
}

/** What became of manifests that the API did not refuse. */
export interface Applied {
  applied: Manifest[];
  /** Of kinds that the API does not serve: what a folder deploys on a cluster beside its Fleets. */
  passedOver: Manifest[];
}

const MANIFEST_FILE = /\.(ya?ml|json)$/;
/** Read by kustomize alone. */
const KUSTOMIZATION_FILE = /^kustomization\.ya?ml$/;
const APPLY_TIMEOUT_MS = 10_000;

/**
 * Reads a file, or all YAML and JSON files of a folder, by name.
 *
 * @throws UsageError naming a file that is missing, is not YAML, or holds what is no object of Kubernetes
 */
export function readManifests(path: string): Manifest[] {
  return filesOf(path).flatMap(readFile);
}

function filesOf(path: string): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
    const names = readdirSync(path).filter((name) => MANIFEST_FILE.test(name) && !KUSTOMIZATION_FILE.test(name));
    if (names.length === 0) throw new UsageError(`-f ${path}: the folder has no YAML or JSON file`);
    return names.toSorted().map((name) => join(path, name));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`-f ${path}: no such file or folder`, { cause: error });
  }
}

function readFile(file: string): Manifest[] {
  return parseAllDocuments(readFileSync(file, 'utf8')).flatMap((document) => {
    const [fault] = document.errors;
    if (fault !== undefined) throw new UsageError(`${file}: ${fault.message.trimEnd()}`);
    const content: unknown = document.toJS();
    return content === null ? [] : objectsOf(file, content).map((object) => ({ file, object }));
  });
}

function objectsOf(file: string, content: unknown): ManifestObject[] {
  const { apiVersion, kind, metadata, items } = (content ?? {}) as Partial<ManifestObject> & { items?: unknown };
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') {
    throw new UsageError(`${file}: an object has no apiVersion or no kind`);
  }
  if (kind === 'List' && Array.isArray(items)) return items.flatMap((item: unknown) => objectsOf(file, item));
  if (typeof metadata?.name !== 'string') throw new UsageError(`${file}: a ${kind} has no metadata.name`);
  return [content as ManifestObject];
}

/**
 * Server-side apply of each manifest in order, namespaces first.
 *
 * @throws UsageError with file, kind, name and the API's own words for each that it refuses; the others are applied
 */
export async function applyManifests(apiUrl: string, manifests: readonly Manifest[]): Promise<Applied> {
  const applied: Manifest[] = [];
  const passedOver: Manifest[] = [];
  const refused: string[] = [];
  const paths = new Map<string, Promise<Map<string, string>>>();
  const isNamespace = ({ object }: Manifest): boolean => object.kind === 'Namespace';
  for (const manifest of manifests.toSorted((a, b) => Number(isNamespace(b)) - Number(isNamespace(a)))) {
    const { apiVersion, kind, metadata } = manifest.object;
    const served = paths.get(apiVersion) ?? readServed(apiUrl, apiVersion);
    paths.set(apiVersion, served);
    const path = (await served).get(kind)?.replace('{namespace}', metadata.namespace ?? 'default');
    if (path === undefined) {
      passedOver.push(manifest);
      continue;
    }
    const refusal = await apply(`${apiUrl}${path}/${metadata.name}`, manifest.object);
    if (refusal === undefined) applied.push(manifest);
    else refused.push(`${manifest.file}: ${kind} ${metadata.name} was refused: ${refusal}`);
  }
  if (refused.length > 0) throw new UsageError(refused.join('\n'));
  return { applied, passedOver };
}

/** Kind to path of the kinds of one group and version that can be applied. */
async function readServed(apiUrl: string, apiVersion: string): Promise<Map<string, string>> {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const { status, body } = await askApi(apiUrl + root, { timeoutMs: APPLY_TIMEOUT_MS });
  if (status !== 200) return new Map();
  const { resources } = body as {
    resources: { name: string; kind: string; namespaced: boolean; verbs: string[] }[];
  };
  return new Map(
    resources
      .filter(({ name, verbs }) => !name.includes('/') && verbs.includes('patch'))
      .map(({ name, kind, namespaced }) => [kind, `${root}${namespaced ? '/namespaces/{namespace}' : ''}/${name}`]),
  );
}

/** @returns why it was refused */
async function apply(url: string, object: ManifestObject): Promise<string | undefined> {
  const answer = await askApi(`${url}?fieldManager=regatta&force=true`, {
    method: 'PATCH',
    contentType: 'application/apply-patch+yaml',
    body: JSON.stringify(object),
    timeoutMs: APPLY_TIMEOUT_MS,
  });
  if (answer.status < 300) return undefined;
  return (answer.body as { message?: string }).message ?? `HTTP ${answer.status}`;
}

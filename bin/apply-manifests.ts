import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { UsageError } from './usage.ts';

/** Which manifests of a folder `local` has a use for: the rest deploys Regatta itself on a cluster. */
const PLURALS: Record<string, { path: string; plural: string }> = {
  Fleet: { path: '/apis/agones.dev/v1', plural: 'fleets' },
  GameServer: { path: '/apis/agones.dev/v1', plural: 'gameservers' },
  FleetAutoscaler: { path: '/apis/autoscaling.agones.dev/v1', plural: 'fleetautoscalers' },
  ConfigMap: { path: '/api/v1', plural: 'configmaps' },
};

interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
}

/**
 * Reads YAML files, or all of a folder, and keeps what `local` serves.
 *
 * @throws UsageError naming a file that is missing or is not YAML
 */
export function readManifests(path: string): Manifest[] {
  let files: string[];
  try {
    files = statSync(path).isDirectory()
      ? readdirSync(path)
          .filter((name) => /\.ya?ml$/.test(name) && name !== 'kustomization.yaml')
          .map((name) => join(path, name))
      : [path];
  } catch (error) {
    throw new UsageError(`-f ${path}: no such file or folder`, { cause: error });
  }
  return files.toSorted().flatMap(readFile);
}

function readFile(file: string): Manifest[] {
  const documents = parseAllDocuments(readFileSync(file, 'utf8'));
  return documents.flatMap((document) => {
    const [fault] = document.errors;
    if (fault !== undefined) throw new UsageError(`${file}: ${fault.message}`);
    const manifest = document.toJS() as Partial<Manifest> | null;
    if (manifest?.kind === undefined || !(manifest.kind in PLURALS)) return [];
    if (manifest.metadata?.name === undefined) throw new UsageError(`${file}: a ${manifest.kind} has no metadata.name`);
    return [manifest as Manifest];
  });
}

/**
 * Server-side apply of each manifest, in order.
 *
 * @throws UsageError with the API's own words when it refuses one
 */
export async function applyManifests(apiUrl: string, manifests: object[]): Promise<void> {
  for (const manifest of manifests as Manifest[]) {
    const served = PLURALS[manifest.kind];
    if (served === undefined) continue;
    const { name, namespace = 'default' } = manifest.metadata;
    const url = `${apiUrl}${served.path}/namespaces/${namespace}/${served.plural}/${name}?fieldManager=regatta&force=true`;
    const answer = await fetch(url, {
      method: 'PATCH',
      headers: { 'content-type': 'application/apply-patch+yaml' },
      body: JSON.stringify(manifest),
      signal: AbortSignal.timeout(10_000),
    });
    const body = (await answer.json()) as { message?: string };
    if (!answer.ok) throw new UsageError(`${manifest.kind} ${name} was refused: ${body.message ?? answer.status}`);
  }
}

import type { KubernetesObject } from '../../lib/agones.ts';
import type { PrinterColumn, ResourceDefinition } from './resource.ts';

/** What a row of a table carries besides its cells. */
export type IncludeObject = 'None' | 'Metadata' | 'Object';

const MISSING_AGE = '<unknown>';

const AGE_COLUMN: PrinterColumn = {
  name: 'Age',
  type: 'date',
  description: 'How long ago the object was made.',
  priority: 0,
  cell: ({ metadata }) => metadata.creationTimestamp ?? null,
};

/** The metadata of an object, as an object of its own. */
export function partialObjectMetadata(object: KubernetesObject, metaVersion: string): KubernetesObject {
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${metaVersion}`, metadata: object.metadata };
}

function columnsOf(definition: ResourceDefinition): readonly PrinterColumn[] {
  return definition.columns.length === 0 ? [AGE_COLUMN] : definition.columns;
}

/** The head of a table: the name, then the columns of the definition. */
export function columnDefinitions(definition: ResourceDefinition): object[] {
  const name = {
    name: 'Name',
    type: 'string',
    format: 'name',
    description: 'The name of the object, the only one of its kind in its namespace.',
    priority: 0,
  };
  const columns = columnsOf(definition).map(({ name: title, type, format, description, priority }) => ({
    name: title,
    type,
    format: format ?? '',
    description,
    priority,
  }));
  return [name, ...columns];
}

/** The row of an object. */
export function tableRow(
  definition: ResourceDefinition,
  object: KubernetesObject,
  includeObject: IncludeObject,
  nowMs: number,
): object {
  const cells = columnsOf(definition).map((column) => {
    const value = column.cell(object);
    if (column.type !== 'date') return value;
    return typeof value === 'string' && value !== '' ? formatAge(nowMs - Date.parse(value)) : MISSING_AGE;
  });
  const row = { cells: [object.metadata.name, ...cells] };
  if (includeObject === 'None') return { ...row, object: null };
  return { ...row, object: includeObject === 'Object' ? object : partialObjectMetadata(object, 'v1') };
}

/**
 * A span of time as kubectl shows ages: the two units that say most, fewer as it grows, e.g. `90s`, `5m12s`, `3d4h`.
 *
 * Source: Kubernetes, `k8s.io/apimachinery/pkg/util/duration`, HumanDuration.
 */
export function formatAge(ageMs: number): string {
  if (Number.isNaN(ageMs) || ageMs < -1000) return '<invalid>';
  const seconds = Math.max(0, Math.floor(ageMs / 1000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return twoUnits(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return twoUnits(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  if (days < 8) return twoUnits(days, 'd', hours % 24, 'h');
  if (days < 365 * 2) return `${days}d`;
  const years = Math.floor(days / 365);
  return years < 8 ? twoUnits(years, 'y', days % 365, 'd') : `${years}y`;
}

function twoUnits(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit}${small}${smallUnit}`;
}

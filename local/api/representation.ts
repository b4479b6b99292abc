import { stringify as stringifyYaml } from 'yaml';
import type { KubernetesObject } from '../../lib/agones.ts';
import { apiVersionOf } from './admission.ts';
import type { Representation } from './negotiation.ts';
import { objectText } from './object-text.ts';
import { badRequest } from './refusals.ts';
import type { ResourceDefinition } from './resource.ts';
import { StatusError } from './status-error.ts';
import { columnDefinitions, partialObjectMetadata, tableRow } from './table.ts';
import type { IncludeObject } from './table.ts';

/** `metadata` of a list. */
export interface ListMetadata {
  resourceVersion: string;
  continue?: string;
  remainingItemCount?: number;
}

/** How one request wants its objects. */
export interface View {
  definition: ResourceDefinition;
  representation: Representation;
  includeObject: IncludeObject;
  nowMs: number;
}

/**
 * The `includeObject` option of tables, which nothing else looks at.
 *
 * @throws StatusError 400
 */
export function parseIncludeObject(query: URLSearchParams, representation: Representation): IncludeObject {
  const value = query.get('includeObject') ?? '';
  if (representation.as !== 'Table') return 'Metadata';
  if (value === '' || value === 'Metadata') return 'Metadata';
  if (value === 'None' || value === 'Object') return value;
  throw badRequest(`includeObject cannot be ${JSON.stringify(value)}: only None, Metadata and Object`);
}

/** @throws StatusError 406 when metadata is asked for as that of one object, which a list is not */
export function checkListRepresentation({ representation: { as, isOfOne } }: View): void {
  if (as !== 'PartialObjectMetadata' || !isOfOne) return;
  throw new StatusError(406, 'NotAcceptable', 'PartialObjectMetadata is that of one object: a list is asked for');
}

/** One object, the way the client wants it. */
export function renderObject(view: View, object: KubernetesObject): string {
  const { as, metaVersion, format } = view.representation;
  if (as === 'Table') {
    return encode(tableOf(view, [object], { resourceVersion: object.metadata.resourceVersion ?? '' }), format);
  }
  if (as === 'PartialObjectMetadata') return encode(partialObjectMetadata(object, metaVersion), format);
  return format === 'yaml' ? stringifyYaml(object) : objectText(object);
}

/** A list of objects, the way the client wants it. */
export function renderList(view: View, objects: readonly KubernetesObject[], metadata: ListMetadata): string {
  const { as, metaVersion, format } = view.representation;
  if (as === 'Table') return encode(tableOf(view, objects, metadata), format);
  if (as === 'PartialObjectMetadata') {
    const items = objects.map((object) => partialObjectMetadata(object, metaVersion));
    const apiVersion = `meta.k8s.io/${metaVersion}`;
    return encode({ kind: 'PartialObjectMetadataList', apiVersion, metadata, items }, format);
  }
  const apiVersion = apiVersionOf(view.definition);
  const kind = view.definition.listKind;
  if (format === 'yaml') return stringifyYaml({ apiVersion, items: objects, kind, metadata });
  const items = objects.map(objectText).join(',');
  return `{"apiVersion":"${apiVersion}","items":[${items}],"kind":"${kind}","metadata":${JSON.stringify(metadata)}}`;
}

/** An object inside a watch event. Only the first table of a watch names its columns. */
export function renderWatched(view: View, object: KubernetesObject, isFirst: boolean): string {
  const { as, metaVersion } = view.representation;
  if (as === 'Table') {
    const table = tableOf(view, [object], { resourceVersion: object.metadata.resourceVersion ?? '' });
    return JSON.stringify(isFirst ? table : { ...table, columnDefinitions: null });
  }
  return as === 'PartialObjectMetadata'
    ? JSON.stringify(partialObjectMetadata(object, metaVersion))
    : objectText(object);
}

function tableOf(view: View, objects: readonly KubernetesObject[], metadata: ListMetadata): object {
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${view.representation.metaVersion}`,
    metadata,
    columnDefinitions: columnDefinitions(view.definition),
    rows: objects.map((object) => tableRow(view.definition, object, view.includeObject, view.nowMs)),
  };
}

/** An object that was not read from the store, as text. */
export function encode(value: object, format: 'json' | 'yaml'): string {
  return format === 'yaml' ? stringifyYaml(value) : JSON.stringify(value);
}

import { StatusError } from './status-error.ts';

/** The shape of an answer: whole objects, rows of a table, or metadata only. */
export interface Representation {
  as: 'Object' | 'Table' | 'PartialObjectMetadata';
  /** Version of `meta.k8s.io` for tables and metadata. */
  metaVersion: 'v1' | 'v1beta1';
  /** Metadata only: asked for as that of one object, and not of a list. */
  isOfOne: boolean;
  format: 'json' | 'yaml';
}

const WHOLE_OBJECTS: Representation = { as: 'Object', metaVersion: 'v1', isOfOne: false, format: 'json' };
const MAX_ACCEPT_LENGTH = 4096;

interface AcceptClause {
  mediaType: string;
  parameters: ReadonlyMap<string, string>;
}

/** The clauses of an Accept header, the preferred first. */
export function parseAccept(header: string): AcceptClause[] {
  const clauses = header
    .slice(0, MAX_ACCEPT_LENGTH)
    .split(',')
    .map((clause) => {
      const [mediaType = '', ...rest] = clause.split(';').map((part) => part.trim());
      const parameters = new Map(
        rest.map((part) => {
          const [name = '', value = ''] = part.split('=');
          return [name.trim().toLowerCase(), value.trim()] as const;
        }),
      );
      return { mediaType: mediaType.toLowerCase(), parameters };
    });
  return clauses
    .filter(({ mediaType }) => mediaType !== '')
    .toSorted((a, b) => Number(b.parameters.get('q') ?? 1) - Number(a.parameters.get('q') ?? 1));
}

/**
 * Which representation the client prefers among those there are.
 *
 * Source: Kubernetes API Concepts, "Receiving resources as Tables".
 *
 * @throws StatusError 406
 */
export function negotiate(accept: string | undefined): Representation {
  if (accept === undefined || accept.trim() === '') return WHOLE_OBJECTS;
  for (const clause of parseAccept(accept)) {
    const format = formatOf(clause.mediaType);
    if (format === undefined) continue;
    const as = clause.parameters.get('as');
    if (as === undefined) return { ...WHOLE_OBJECTS, format };
    const metaVersion = clause.parameters.get('v');
    if (clause.parameters.get('g') !== 'meta.k8s.io' || (metaVersion !== 'v1' && metaVersion !== 'v1beta1')) continue;
    if (as === 'Table') return { as, metaVersion, isOfOne: false, format };
    if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') {
      return { as: 'PartialObjectMetadata', metaVersion, isOfOne: as === 'PartialObjectMetadata', format };
    }
  }
  const message =
    'only the following media types are accepted: application/json, application/yaml, ' +
    'application/json;as=Table;v=v1;g=meta.k8s.io, application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io';
  throw new StatusError(406, 'NotAcceptable', message);
}

/** The format the client prefers, for what has no other representations; JSON where it accepts nothing there is. */
export function preferredFormat(accept: string | undefined): 'json' | 'yaml' {
  const formats = parseAccept(accept ?? '').map(({ mediaType }) => formatOf(mediaType));
  return formats.find((format) => format !== undefined) ?? 'json';
}

function formatOf(mediaType: string): 'json' | 'yaml' | undefined {
  if (mediaType === 'application/json' || mediaType === '*/*' || mediaType === 'application/*') return 'json';
  return mediaType === 'application/yaml' ? 'yaml' : undefined;
}

/** Whether the client asks for all groups and resources of discovery in one answer, and in which version. */
export function aggregatedDiscoveryVersion(accept: string | undefined): 'v2' | 'v2beta1' | undefined {
  for (const { mediaType, parameters } of parseAccept(accept ?? '')) {
    if (mediaType !== 'application/json') continue;
    if (parameters.get('as') === undefined) return undefined;
    const version = parameters.get('v');
    if (parameters.get('as') !== 'APIGroupDiscoveryList' || parameters.get('g') !== 'apidiscovery.k8s.io') continue;
    if (version === 'v2' || version === 'v2beta1') return version;
  }
  return undefined;
}

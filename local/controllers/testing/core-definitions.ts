import type { ResourceDefinition } from '../../api/resource.ts';
import { resourceDefinitions } from '../../resources/resource-definitions.ts';

/** A kind without rules of its own. */
function plainDefinition(
  group: string,
  kind: string,
  plural: string,
  options: { namespaced: boolean; statusSubresource: boolean },
): ResourceDefinition {
  return {
    group,
    version: 'v1',
    kind,
    listKind: `${kind}List`,
    plural,
    singular: kind.toLowerCase(),
    shortNames: [],
    ...options,
    verbs: [],
    columns: [],
    schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  };
}

const PLAIN = [
  plainDefinition('', 'Namespace', 'namespaces', { namespaced: false, statusSubresource: true }),
  plainDefinition('', 'Node', 'nodes', { namespaced: false, statusSubresource: true }),
  plainDefinition('', 'Pod', 'pods', { namespaced: true, statusSubresource: true }),
  plainDefinition('', 'Event', 'events', { namespaced: true, statusSubresource: false }),
  plainDefinition('autoscaling.agones.dev', 'FleetAutoscaler', 'fleetautoscalers', {
    namespaced: true,
    statusSubresource: true,
  }),
];

/** The kinds of the API, and a plain one for each that controllers touch and the API does not define. */
export const definitions: readonly ResourceDefinition[] = [
  ...resourceDefinitions,
  ...PLAIN.filter(({ plural }) => !resourceDefinitions.some((definition) => definition.plural === plural)),
];

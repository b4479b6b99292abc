import { apiVersionOf } from './admission.ts';
import type { ResourceDefinition } from './resource.ts';
import type { VirtualResource } from './virtual-resource.ts';

/** There is one user, and everything is allowed: what `kubectl auth can-i` and `kubectl auth whoami` are told. */
const USER = { username: 'local', groups: ['system:masters', 'system:authenticated'] };

function reviewResource(group: string, kind: string, status: object): VirtualResource {
  const definition: ResourceDefinition = {
    group,
    version: 'v1',
    kind,
    listKind: `${kind}List`,
    plural: `${kind.toLowerCase()}s`,
    singular: kind.toLowerCase(),
    shortNames: [],
    namespaced: false,
    verbs: ['create'],
    statusSubresource: false,
    columns: [],
    schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  };
  const review = { apiVersion: apiVersionOf(definition), kind, status };
  return { definition, ignoresBody: true, create: () => Promise.resolve(review) };
}

/** The reviews a client asks for itself. kubectl sends them in protobuf, which does not matter: the answer is always yes. */
export const accessReviews: readonly VirtualResource[] = [
  reviewResource('authorization.k8s.io', 'SelfSubjectAccessReview', { allowed: true }),
  reviewResource('authorization.k8s.io', 'SelfSubjectRulesReview', {
    incomplete: false,
    nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
    resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
  }),
  reviewResource('authentication.k8s.io', 'SelfSubjectReview', { userInfo: USER }),
];

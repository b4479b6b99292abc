import { asJsonObject, isJsonObject } from './json.ts';
import type { JsonObject } from './json.ts';
import { badRequest, invalid } from './refusals.ts';
import type { ResourceDefinition } from './resource.ts';
import type { VirtualResource } from './virtual-resource.ts';

/** There is one user, and everything is allowed: what `kubectl auth can-i` and `kubectl auth whoami` are told. */
const USER = { username: 'local', groups: ['system:masters', 'system:authenticated'] };

function review(
  group: string,
  kind: string,
  status: object,
  check: (spec: JsonObject) => void = () => {},
): VirtualResource {
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
  return {
    definition,
    servedBy: 'kubernetes',
    create(_namespace, body) {
      check(asJsonObject(body['spec']));
      return Promise.resolve({ ...body, status });
    },
  };
}

function checkAttributes(spec: JsonObject): void {
  const isAboutResource = isJsonObject(spec['resourceAttributes']);
  if (isAboutResource !== isJsonObject(spec['nonResourceAttributes'])) return;
  const field = isAboutResource ? 'spec.nonResourceAttributes' : 'spec.resourceAttributes';
  const message = 'Invalid value: exactly one of resourceAttributes and nonResourceAttributes must be there';
  throw invalid({ group: 'authorization.k8s.io', kind: '', plural: '' }, '', [
    { reason: 'FieldValueInvalid', field, message },
  ]);
}

function checkNamespace({ namespace = '' }: JsonObject): void {
  if (typeof namespace !== 'string' || namespace === '') throw badRequest('the review names no namespace');
}

/** The reviews a client asks for itself; the answer is always yes. */
export const accessReviews: readonly VirtualResource[] = [
  review('authorization.k8s.io', 'SelfSubjectAccessReview', { allowed: true }, checkAttributes),
  review(
    'authorization.k8s.io',
    'SelfSubjectRulesReview',
    {
      incomplete: false,
      nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
      resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
    },
    checkNamespace,
  ),
  review('authentication.k8s.io', 'SelfSubjectReview', { userInfo: USER }),
];

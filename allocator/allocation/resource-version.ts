const WHOLE_NUMBER = /^(0|[1-9]\d*)$/;

/**
 * Whether one version of an object is older than another of the same kind of object.
 *
 * Kubernetes' versions are whole numbers that grow, too large for a `number`. Of what is none of these nothing can be
 * told, so it is not older.
 *
 * Source: KEP-5504, comparable resource versions.
 */
export function isOlderVersion(one: string, other: string): boolean {
  if (!WHOLE_NUMBER.test(one) || !WHOLE_NUMBER.test(other)) return false;
  return one.length === other.length ? one < other : one.length < other.length;
}

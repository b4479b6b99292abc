import type { KubernetesObject } from '../../lib/agones.ts';

const texts = new WeakMap<KubernetesObject, string>();

/**
 * The object as JSON. The text is kept as long as the object, for every list and watch to share: only for objects of
 * the store, which never change.
 */
export function objectText(object: KubernetesObject): string {
  const known = texts.get(object);
  if (known !== undefined) return known;
  const text = JSON.stringify(object);
  if (Object.isFrozen(object)) texts.set(object, text);
  return text;
}

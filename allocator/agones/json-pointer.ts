/** A key as RFC 6901 writes it in a JSON pointer, e.g. that of a label in the path of a patch. */
export function pointerKey(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}

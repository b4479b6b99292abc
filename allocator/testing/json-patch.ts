export interface PatchOperation {
  op: string;
  path: string;
  value?: unknown;
}

/** The operations of RFC 6902 on members of objects. @returns false when a test does not hold, or a place is not there */
export function applyOperation(object: object, { op, path, value }: PatchOperation): boolean {
  const keys = path
    .slice(1)
    .split('/')
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = keys.pop() ?? '';
  let parent = object as Record<string, unknown>;
  for (const key of keys) {
    const next = parent[key];
    if (typeof next !== 'object' || next === null) return false;
    parent = next as Record<string, unknown>;
  }
  if (op === 'test') return JSON.stringify(parent[last]) === JSON.stringify(value);
  if (op !== 'add' && !(last in parent)) return false;
  if (op === 'remove') delete parent[last];
  else parent[last] = value;
  return true;
}

/** RFC 3339 in UTC with whole seconds, as Kubernetes writes times. */
export function toTimestamp(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 19)}Z`;
}

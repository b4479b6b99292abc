/** A stream that says when it has had enough, as Node's writables do. */
export interface PausableStream<T> {
  /** @returns false when the next value should wait for `drain` */
  write(value: T): boolean;
  once(event: 'drain', listener: () => void): unknown;
}

/**
 * Writes values to a stream that may be slow, keeping at most one waiting: the newest.
 *
 * For streams of whole states, where who missed one is served by the next. Keeps the memory of a watch that nobody reads
 * bounded.
 */
export function latestOnly<T>(stream: PausableStream<T>): (value: T) => void {
  let waiting: { value: T } | undefined;
  let paused = false;
  const send = (value: T): void => {
    if (stream.write(value)) return;
    paused = true;
    stream.once('drain', () => {
      paused = false;
      const next = waiting;
      waiting = undefined;
      if (next !== undefined) send(next.value);
    });
  };
  return (value) => {
    if (paused) waiting = { value };
    else send(value);
  };
}

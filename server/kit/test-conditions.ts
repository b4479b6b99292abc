/** For tests: resolves as soon as the condition holds. @throws Error when it does not within the time */
export async function until(condition: () => boolean, what: string, withinMs = 8000): Promise<void> {
  const deadlineMs = Date.now() + withinMs;
  while (!condition()) {
    if (Date.now() > deadlineMs) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const SAME_INTERRUPTION_MS = 1000;

/** Resolves at the first SIGINT, SIGTERM, or hang-up of the terminal; another, a second later or more, exits at once. */
export function interruption(): Promise<'interrupted'> {
  return new Promise((resolve) => {
    let firstMs: number | undefined;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        firstMs ??= Date.now();
        if (Date.now() - firstMs >= SAME_INTERRUPTION_MS) process.exit(1);
        resolve('interrupted');
      });
    }
  });
}

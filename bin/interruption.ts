const SAME_INTERRUPTION_MS = 1000;

/**
 * Resolves at the first SIGINT, SIGTERM, or hang-up of the terminal, or when the launcher that started this process is gone,
 * however it went. Another signal, a second later or more, exits at once.
 */
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
    if (process.send === undefined) return;
    if (!process.connected) resolve('interrupted');
    process.once('disconnect', () => {
      resolve('interrupted');
    });
    // A command that fails ends, whether its launcher is there or not.
    process.channel?.unref();
  });
}

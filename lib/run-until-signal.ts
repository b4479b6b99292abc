import type { Lifecycle } from './lifecycle.ts';
import type { Logger } from './logger.ts';

/**
 * For `main.ts` alone: ends the program on SIGTERM or SIGINT, or when the process that started it goes.
 *
 * Exit code 0 after a clean stop, 1 after one that took too long or failed; a second signal exits at once with 1.
 * A parent that opened an IPC channel and dies, however it dies, closes the channel: that is noticed on every platform.
 *
 * @returns what ends the program as the first signal would; once that has come it does nothing
 */
export function runUntilSignal(lifecycle: Lifecycle, logger: Logger): (why: string) => void {
  let signalled = false;
  const end = (why: string): void => {
    if (signalled) process.exit(1);
    signalled = true;
    logger.info({ why }, 'stopping');
    void lifecycle.stop().then((clean) => {
      process.exit(clean ? 0 : 1);
    });
  };
  process.on('SIGTERM', () => {
    end('SIGTERM');
  });
  process.on('SIGINT', () => {
    end('SIGINT');
  });
  if (process.connected) {
    process.once('disconnect', () => {
      end('parent gone');
    });
  } else if (process.send !== undefined) {
    // It had a channel, and the parent went while this program was loaded.
    end('parent gone');
  }
  return (why) => {
    if (!signalled) end(why);
  };
}

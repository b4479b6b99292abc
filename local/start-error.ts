import type { LocalConfig } from './config.ts';
import { StateDirectoryInUseError } from './node/state-directory.ts';

/** Why `local` could not start, where whoever started it can mend that; undefined where it is a fault of its own. */
export function explainStartError(error: unknown, config: Pick<LocalConfig, 'port'>): string | undefined {
  if (error instanceof StateDirectoryInUseError) return error.message;
  const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
  if (!taken) return undefined;
  const isApi = !('port' in error) || error.port === config.port;
  return isApi
    ? `port ${config.port} is taken; LOCAL_PORT chooses another`
    : `port ${String(error.port)} is taken; LOCAL_ALLOCATOR_HTTP_PORT and LOCAL_ALLOCATOR_GRPC_PORT choose others`;
}

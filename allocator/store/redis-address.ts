import { readFileSync } from 'node:fs';

/** Where a Redis is and whom to believe there. The URL may hold a password: it goes to no log and no error. */
export interface RedisAddress {
  url: string;
  /** Certificates in PEM that are trusted instead of the system's. */
  ca: string | undefined;
}

/**
 * Reads the address anew each time, so that a password or a certificate that is changed in its file counts from the next
 * connection on.
 *
 * @throws Error at once, or in the function it returns, when a file cannot be read or holds no URL of Redis
 */
export function redisAddress(options: {
  url: string | undefined;
  urlFile: string | undefined;
  caFile: string | undefined;
}): () => RedisAddress {
  const { urlFile, caFile } = options;
  const read = (): RedisAddress => {
    const url = urlFile === undefined ? (options.url ?? '') : readFileSync(urlFile, 'utf8').trim();
    if (!isRedisUrl(url)) throw new Error(`${urlFile ?? 'REDIS_URL'} is not redis://… or rediss://…`);
    return { url, ca: caFile === undefined ? undefined : readFileSync(caFile, 'utf8') };
  };
  read();
  return read;
}

/** Whether it can be the URL of a Redis: `redis://…`, or `rediss://…` for TLS; a path is the number of a database. */
export function isRedisUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, pathname } = new URL(text);
  return ['redis:', 'rediss:'].includes(protocol) && hostname !== '' && /^(\/\d*)?$/.test(pathname);
}

import { request } from 'node:http';

/** An answer of the Kubernetes API, whatever its status. */
export interface ApiAnswer {
  status: number;
  /** What its JSON says; the text itself where it is none. */
  body: unknown;
}

export interface ApiQuestion {
  method?: 'GET' | 'PATCH';
  contentType?: string;
  body?: string;
  timeoutMs: number;
}

/**
 * Asks the API of a `local` on this machine.
 *
 * By `node:http`: the first `fetch` of a process costs it twenty megabytes.
 *
 * @throws Error when it does not answer in time
 */
export function askApi(url: string, { method = 'GET', contentType, body, timeoutMs }: ApiQuestion): Promise<ApiAnswer> {
  return new Promise((resolve, reject) => {
    const headers = contentType === undefined ? {} : { 'content-type': contentType };
    const asked = request(url, { method, headers, signal: AbortSignal.timeout(timeoutMs) }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        resolve({ status: answer.statusCode ?? 0, body: parsed(Buffer.concat(chunks).toString()) });
      });
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';

const DEADLINE_MS = 5000;

/** What came of a request. */
export interface SingleAnswer {
  /** 0 when the connection broke, or nothing came in time. */
  status: number;
  text: string;
}

export interface SingleRequest {
  method?: string;
  body?: object;
  userAgent?: string;
}

/** One request on a connection of its own, which is closed afterwards: nothing is kept open between two. */
export function ask(url: string, options: SingleRequest = {}): Promise<SingleAnswer> {
  const { method = 'GET', body, userAgent = 'soak-observer' } = options;
  return new Promise((resolve) => {
    const call = request(
      url,
      {
        method,
        agent: false,
        signal: AbortSignal.timeout(DEADLINE_MS),
        headers: {
          'user-agent': userAgent,
          'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
        },
      },
      (answer) => {
        let text = '';
        answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
        answer.on('close', () => {
          resolve({ status: answer.complete ? (answer.statusCode ?? 0) : 0, text });
        });
        answer.on('error', () => {
          // It is told by the close.
        });
      },
    );
    call.on('error', () => {
      resolve({ status: 0, text: '' });
    });
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** A stream that is opened and not read, and dropped when that is called. */
export function openUnread(url: string, userAgent: string): () => void {
  let answered: IncomingMessage | undefined;
  const call = request(url, { agent: false, headers: { 'user-agent': userAgent } }, (answer) => {
    answered = answer;
    answer.on('error', () => {
      // Whoever broke it wanted to.
    });
  });
  call.on('error', () => {
    // As above.
  });
  call.end();
  return () => {
    answered?.destroy();
    call.destroy();
  };
}

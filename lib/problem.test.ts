import { ERRORS, ProblemError } from './errors.ts';
import type { ErrorCode } from './errors.ts';
import { problemDocument, problemHeaders, problemResponse } from './problem.ts';

const codes = Object.keys(ERRORS) as ErrorCode[];

describe('problems', () => {
  it.each(codes)('writes %s as its row has it', (code) => {
    const { status, title, retryable } = ERRORS[code];
    expect(problemDocument(new ProblemError(code, 'why'), 'r1')).toEqual({
      type: `/docs/errors.md#${code}`,
      title,
      status,
      detail: 'why',
      instance: 'r1',
      code,
      retryable,
    });
  });

  it('carries fields and extensions, and never the cause', () => {
    const problem = new ProblemError('no_capacity', 'none', {
      errors: [{ field: 'game', message: 'm' }],
      retryAfterSeconds: 3,
      extensions: { position: 2 },
      cause: new Error('secret'),
    });
    expect(problemDocument(problem)).toMatchObject({ errors: [{ field: 'game', message: 'm' }], position: 2 });
    expect(problemDocument(problem)).not.toHaveProperty('instance');
    expect(JSON.stringify(problemDocument(problem))).not.toContain('secret');
    expect(problemHeaders(problem)).toEqual({
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      'retry-after': '3',
    });
  });

  it('writes a whole HTTP answer for a socket, with the length in bytes', () => {
    const text = problemResponse(new ProblemError('token_missing', 'schade: ö'));
    const [head = '', body = ''] = text.split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n/);
    expect(head).toContain(`content-length: ${Buffer.byteLength(body)}`);
    expect(head).toContain('connection: close');
    expect(JSON.parse(body)).toMatchObject({ code: 'token_missing' });
  });
});

describe('the table of errors', () => {
  it('has a status that means a fault for every code', () => {
    for (const code of codes) expect(ERRORS[code].status).toBeGreaterThanOrEqual(400);
  });

  it('calls nothing retryable that a client has to change: all of 4xx but what came too late (408) or too often (429)', () => {
    for (const code of codes) {
      const { status, retryable } = ERRORS[code];
      if (status < 500 && status !== 408 && status !== 429) expect(retryable).toBe(false);
    }
  });
});

import { fileURLToPath } from 'node:url';
import express from 'express';
import type { NextFunction, Request, Response, Router } from 'express';

const ERROR_PAGE_FILE = fileURLToPath(new URL('../../docs/errors.md', import.meta.url));

/** A name with a hash of the content in it, as the bundler writes them: what it holds never changes. */
const HASHED = /[-.][0-9A-Za-z]{8,}\.\w+$/;

const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  // The page connects to the gateway, which may have another origin.
  "connect-src 'self' ws: wss:",
  "img-src 'self' data:",
  "style-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

/** What a browser is told with every answer. */
export function browserHeaders(_request: Request, response: Response, next: NextFunction): void {
  response.set({
    'content-security-policy': CONTENT_SECURITY_POLICY,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  });
  next();
}

/** The page and its files, and the page on errors to which each problem's `type` leads. */
export function page(webDirectory: string): Router {
  const router = express.Router();
  router.get('/docs/errors.md', (_request, response, next) => {
    response.type('text/plain; charset=utf-8').sendFile(ERROR_PAGE_FILE, (error) => {
      if (error instanceof Error) next();
    });
  });
  router.use(
    express.static(webDirectory, {
      setHeaders(response, path) {
        response.setHeader('cache-control', HASHED.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache');
      },
    }),
  );
  return router;
}

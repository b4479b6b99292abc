import { fileURLToPath } from 'node:url';
import express from 'express';
import type { RequestHandler, Router } from 'express';
import type { AppSettings } from './dependencies.ts';

const ERROR_PAGE_FILE = fileURLToPath(new URL('../../docs/errors.md', import.meta.url));

/** A name with a hash of the content in it, as the bundler writes them: what it holds never changes. */
const HASHED = /[-.][0-9A-Za-z]{8,}\.\w+$/;

/** What a browser is told with every answer. */
export function browserHeaders({ regions }: Pick<AppSettings, 'regions'>): RequestHandler {
  // What the page connects to besides: the gateway, which may have another origin, and what measures the regions.
  const measured = regions.flatMap(({ pingUrl }) => (pingUrl === undefined ? [] : new URL(pingUrl).origin));
  const contentSecurityPolicy = [
    "default-src 'self'",
    ["connect-src 'self' ws: wss:", ...new Set(measured)].join(' '),
    "img-src 'self' data:",
    "style-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ');
  return (_request, response, next) => {
    response.set({
      'content-security-policy': contentSecurityPolicy,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    });
    next();
  };
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

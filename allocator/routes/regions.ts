import type { RequestHandler } from 'express';
import type { z } from 'zod';
import type { AppDependencies } from './dependencies.ts';
import type { regionsAnswer } from './schemas.ts';

/** GET /api/regions: what a browser can measure, and name as its preference. */
export function showRegions({ settings }: AppDependencies): RequestHandler {
  const answer: z.input<typeof regionsAnswer> = [...settings.regions];
  return (_request, response) => {
    response.set('cache-control', 'public, max-age=60').json(answer);
  };
}

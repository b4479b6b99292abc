import express from 'express';
import type { Express, RequestHandler } from 'express';
import { ProblemError } from '../lib/errors.ts';
import type { AppDependencies } from './routes/dependencies.ts';
import { answerErrors } from './routes/errors.ts';
import { newGame } from './routes/new-game.ts';
import { browserHeaders, page } from './routes/page.ts';
import { jsonBody } from './routes/read-body.ts';
import { showRegions } from './routes/regions.ts';
import { requestContext } from './routes/request-context.ts';
import { resumeSession } from './routes/resume.ts';
import { allocateForPlayers, requireServiceCredential, showServiceSession } from './routes/service.ts';
import { drainFleet, listFleets } from './routes/service-fleets.ts';
import { listServers } from './routes/service-servers.ts';
import { endSession, listSessions } from './routes/service-sessions.ts';
import { joinSession, showSession } from './routes/sessions.ts';

/** What a path answers to, by method. */
type Methods = Partial<Record<'get' | 'post' | 'delete', RequestHandler[]>>;

/** The whole HTTP surface of the allocator. */
export function createApp(dependencies: AppDependencies): Express {
  const { settings, isReady } = dependencies;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  app.use(requestContext(dependencies));
  app.use(browserHeaders(dependencies.settings));

  const playerBody = jsonBody(settings.maxBodyBytes);
  at(app, '/api/new-game', { post: [playerBody, newGame(dependencies)] });
  at(app, '/api/sessions/:sessionId/join', { post: [playerBody, joinSession(dependencies)] });
  at(app, '/api/sessions/:sessionId/resume', { post: [playerBody, resumeSession(dependencies)] });
  at(app, '/api/sessions/:sessionId', { get: [showSession(dependencies)] });
  at(app, '/api/regions', { get: [showRegions(dependencies)] });

  app.use('/v1', requireServiceCredential(dependencies));
  at(app, '/v1/allocations', { post: [jsonBody(settings.maxServiceBodyBytes), allocateForPlayers(dependencies)] });
  at(app, '/v1/sessions', { get: [listSessions(dependencies)] });
  at(app, '/v1/sessions/:sessionId', {
    get: [showServiceSession(dependencies)],
    delete: [endSession(dependencies)],
  });
  at(app, '/v1/servers', { get: [listServers(dependencies)] });
  at(app, '/v1/fleets', { get: [listFleets(dependencies)] });
  at(app, '/v1/fleets/:fleet/drain', { post: [drainFleet(dependencies)] });

  at(app, '/healthz', { get: [(_request, response) => void response.json({ status: 'alive' })] });
  at(app, '/readyz', {
    get: [
      (_request, response) => {
        const ready = isReady();
        response.status(ready ? 200 : 503).json({ status: ready ? 'ready' : 'not ready' });
      },
    ],
  });
  at(app, '/openapi.json', {
    get: [
      async (_request, response) => {
        // Only who asks for it pays for the generator.
        const { openApiDocument } = await import('./openapi.ts');
        response.json(openApiDocument());
      },
    ],
  });

  app.use(['/api', '/v1'], notFound);
  app.use(page(settings.webDirectory));
  app.use(notFound);
  app.use(answerErrors(dependencies.logger));
  return app;
}

/** Registers a path, and 405 for every other method on it. */
function at(app: Express, path: string, methods: Methods): void {
  const route = app.route(path);
  if (methods.get !== undefined) route.get(...methods.get);
  if (methods.post !== undefined) route.post(...methods.post);
  if (methods.delete !== undefined) route.delete(...methods.delete);
  const allow = Object.keys(methods)
    .flatMap((method) => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()]))
    .join(', ');
  route.all((_request, response) => {
    response.set('allow', allow);
    throw new ProblemError('method_not_allowed', `This path takes ${allow}`);
  });
}

const notFound: RequestHandler = () => {
  throw new ProblemError('not_found', 'There is nothing at this path');
};

import type { Clock } from '../../lib/clock.ts';
import type { ApiServerOptions } from '../api/api-server.ts';
import { AnswerFaults } from './answer-faults.ts';
import { answerFaultRequest } from './fault-requests.ts';
import type { FaultSet } from './fault-set.ts';
import { RequestFaults } from './request-faults.ts';
import { WatchFaults } from './watch-faults.ts';

type ApiHooks = Required<Pick<ApiServerOptions, 'beforeRequest' | 'beforeAnswer' | 'onWatch'>>;

/** What an API server is given so that faults strike it, and can be asked for through it. No fault strikes the asking. */
export function apiFaults(options: { faults: FaultSet; clock: Clock }): ApiHooks {
  const { faults } = options;
  const requests = new RequestFaults(options);
  const answers = new AnswerFaults(options);
  const watches = new WatchFaults(options);
  return {
    beforeRequest: (request, response) =>
      answerFaultRequest(faults, request, response) ?? requests.beforeRequest(request, response),
    async beforeAnswer(request, response, answer) {
      if (faults.isIdle) return false;
      return (await answers.beforeAnswer(request, response, answer)) || requests.beforeAnswer(request, response);
    },
    onWatch(watch) {
      watches.opened(watch);
    },
  };
}

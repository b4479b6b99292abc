import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer } from '../api/answer.ts';
import { asJsonObject } from '../api/json.ts';
import type { JsonValue } from '../api/json.ts';
import { compileLabelSelector } from '../api/selectors.ts';
import type { FaultOf } from './fault-schema.ts';
import type { FaultSet } from './fault-set.ts';
import { cutConnection, leaveUnanswered } from './held-connections.ts';
import { matchesRequest, seeRequest } from './request-target.ts';

const ALLOCATIONS = 'gameserverallocations';

/** Writes that take effect, and whose client never learns of it. */
export class AnswerFaults {
  readonly #faults: FaultSet;

  constructor(options: { faults: FaultSet }) {
    this.#faults = options.faults;
    options.faults.handle('answer-lost', () => {});
  }

  /** True when the answer is not to be sent. */
  beforeAnswer(request: IncomingMessage, response: ServerResponse, answer: Answer): boolean | Promise<boolean> {
    const faults = this.#faults.of('answer-lost');
    if (faults.length === 0 || request.method === 'GET' || !tookEffect(request, answer)) return false;
    const seen = seeRequest(request);
    for (const fault of faults) {
      const { target, how } = fault.request;
      if (!matchesRequest({ resource: ALLOCATIONS, ...target }, seen) || !matchesLabels(target, answer)) continue;
      if (!fault.strikes()) continue;
      if (how === 'silence') return leaveUnanswered(fault, response).then(() => true);
      cutConnection(response);
      return true;
    }
    return false;
  }
}

/** An allocation has when it got a GameServer, another write when it was not refused. */
function tookEffect(request: IncomingMessage, { status, text }: Answer): boolean {
  const { path, query } = seeRequest(request);
  if (status >= 300 || query.has('dryRun')) return false;
  if (path?.resource !== ALLOCATIONS) return path !== undefined;
  return asJsonObject(asJsonObject(JSON.parse(text) as JsonValue)['status'])['state'] === 'Allocated';
}

function matchesLabels({ labelSelector }: FaultOf<'answer-lost'>['target'], { text }: Answer): boolean {
  if (labelSelector === undefined) return true;
  return compileLabelSelector(labelSelector).matches(labelsOf(text));
}

/** Of the GameServer that was allocated, else of the object that was written. */
function labelsOf(text: string): Record<string, string> {
  let written: JsonValue;
  try {
    written = JSON.parse(text) as JsonValue;
  } catch {
    // An answer in YAML, which no client of ours asks for, has no labels here.
    return {};
  }
  const { status, metadata } = asJsonObject(written);
  const allocated = asJsonObject(asJsonObject(status)['metadata'])['labels'];
  const labels = asJsonObject(allocated ?? asJsonObject(metadata)['labels']);
  return Object.fromEntries(
    Object.entries(labels).flatMap(([key, value]) => (typeof value === 'string' ? [[key, value]] : [])),
  );
}

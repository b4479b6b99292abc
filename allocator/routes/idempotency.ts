import { createHash } from 'node:crypto';
import type { Request, Response } from 'express';
import { ProblemError } from '../../lib/errors.ts';
import type { SessionRequest } from '../allocation/allocations.ts';
import type { KeyedRequest, WorkOutcome } from '../allocation/once.ts';
import { StoreDown } from '../allocation/store.ts';
import type { AppDependencies } from './dependencies.ts';

/** What can be seen in ASCII. */
const KEY = /^[\x21-\x7e]{1,255}$/;

type Session = SessionRequest['session'];

/** Makes the session, and gives the JSON of the answer or, where there is none, the problem; neither when nobody waits. */
type Make = (session: Session) => Promise<WorkOutcome<ProblemError>>;

/**
 * Answers a POST that makes a session: once for each `Idempotency-Key`, and as it comes without one.
 *
 * @param makes - what the request asks for, all of it: the key is good for this alone
 * @throws ProblemError
 */
export async function answerOnce(
  request: Request,
  response: Response,
  dependencies: AppDependencies,
  { scope, makes, deadlineMs }: { scope: string; makes: object; deadlineMs: number },
  make: Make,
): Promise<void> {
  const key = readKey(request);
  const outcome =
    key === undefined
      ? await make(undefined)
      : await makeOnce(dependencies, { key: `${scope}/${key}`, fingerprint: fingerprintOf(makes), deadlineMs }, make);
  if (outcome.refused !== undefined) throw outcome.refused;
  if (outcome.answer === undefined) return;
  response.status(201).set('cache-control', 'no-store').type('application/json').send(Buffer.from(outcome.answer));
}

/**
 * Makes a session once for a key, whose session's id is made from it: whoever asks under the same key gets the same answer.
 *
 * @throws ProblemError
 */
export async function makeOnce(
  { once, sessionIdOfKey, mayHavePredecessor, settings }: AppDependencies,
  keyed: KeyedRequest,
  make: Make,
): Promise<WorkOutcome<ProblemError>> {
  const { retryAfterSeconds } = settings;
  try {
    const result = await once.run(keyed, (isFirst, lost) =>
      make({ id: sessionIdOfKey(keyed.key), mayExist: !isFirst || mayHavePredecessor(), lost }),
    );
    if (result.state === 'reused') {
      throw new ProblemError('idempotency_key_reused', 'Another request came with this Idempotency-Key', {
        errors: [{ field: 'header Idempotency-Key', message: 'was used for another request' }],
      });
    }
    if (result.state === 'under_way') {
      const detail = 'The same request is being worked on; repeat it under the same key';
      throw new ProblemError('request_under_way', detail, { retryAfterSeconds });
    }
    return result.state === 'answered' ? { answer: result.answer } : { refused: result.refused };
  } catch (error) {
    if (!(error instanceof StoreDown)) throw error;
    const detail = 'Keys cannot be looked up just now; repeat the request under the same key';
    throw new ProblemError('store_unavailable', detail, { cause: error, retryAfterSeconds });
  }
}

function readKey(request: Request): string | undefined {
  const key = request.get('idempotency-key');
  if (key === undefined || KEY.test(key)) return key;
  throw new ProblemError('invalid_request', 'The Idempotency-Key is not one', {
    errors: [{ field: 'header Idempotency-Key', message: '1 to 255 visible ASCII characters' }],
  });
}

function fingerprintOf(makes: object): string {
  return createHash('sha256').update(JSON.stringify(makes, sortKeys)).digest('base64url');
}

/** So that the order in which members were written does not matter. */
function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => a.localeCompare(b)));
}

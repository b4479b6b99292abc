import { status as grpcStatus } from '@grpc/grpc-js';
import { isByDesign, isGrpcAnswer, shapeFault } from './by-design.ts';
import { brokenConversation, converse } from './broken-http.ts';
import { Choices } from './choices.ts';
import { describeRequest } from './fuzz-request.ts';
import { FuzzedLocal } from './fuzzed-local.ts';
import { describeCall, mutatedCall } from './grpc-calls.ts';
import { mutateRequest } from './mutate-request.ts';
import { validAllocatorRequest, validSdkRequest } from './service-requests.ts';
import { validApiRequest } from './valid-requests.ts';

const REQUESTS = Number(process.env['FUZZ_REQUESTS'] ?? 2000);
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_125);
const RESTORE_EVERY = 200;
/** Far more than any request takes, on a busy machine too. */
const SLOW_MS = 5000;
/** More are not looked for: they often are of one cause. */
const MAX_FAULTS = 10;
const TIMEOUT_MS = 60_000 + REQUESTS * 150;

/** What one request came to, and what was wrong with that. */
interface Verdict {
  /** For the counts, e.g. `api 422`. */
  outcome: string;
  isRefused: boolean;
  fault?: string;
}

interface Attempt {
  describe(): string;
  run(): Promise<Verdict>;
}

describe(`${REQUESTS} requests with something wrong about them (seed ${SEED})`, () => {
  let local: FuzzedLocal;
  const counts = new Map<string, number>();

  beforeAll(async () => {
    local = await FuzzedLocal.start();
  }, TIMEOUT_MS);

  afterAll(async () => {
    await local.stop();
    if (process.env['FUZZ_REQUESTS'] === undefined) return;
    const lines = [...counts]
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([outcome, count]) => `${outcome}: ${count}`);
    process.stdout.write(`seed ${SEED}, ${REQUESTS} requests\n${lines.join('\n')}\n`);
  }, TIMEOUT_MS);

  function attempt(choices: Choices): Attempt {
    const kind = choices.below(100);
    if (kind < 12) return grpcAttempt(choices);
    if (kind < 20) return connectionAttempt(choices);
    if (kind < 30) return httpAttempt(choices, 'sdk');
    if (kind < 37) return httpAttempt(choices, 'allocator');
    return httpAttempt(choices, 'api');
  }

  function httpAttempt(choices: Choices, service: 'api' | 'sdk' | 'allocator'): Attempt {
    const makers = { api: validApiRequest, sdk: validSdkRequest, allocator: validAllocatorRequest };
    const request = mutateRequest(choices, makers[service](choices), service);
    return {
      describe: () => describeRequest(request),
      async run() {
        const outcome = await local.send(request);
        const isFailure = outcome.status < 200 || (outcome.status >= 500 && !isByDesign(request, outcome));
        const wrong = isFailure ? 'a failure' : shapeFault(request, outcome);
        return {
          outcome: `${service} ${outcome.status}`,
          isRefused: outcome.status >= 400,
          ...(wrong === undefined ? {} : { fault: `${wrong}, ${outcome.status}: ${outcome.text.slice(0, 500)}` }),
        };
      },
    };
  }

  function grpcAttempt(choices: Choices): Attempt {
    const asked = mutatedCall(choices);
    return {
      describe: () => describeCall(asked),
      async run() {
        const outcome = await local.call(asked);
        return {
          outcome: `${asked.service} gRPC ${grpcStatus[outcome.code] ?? outcome.code}`,
          isRefused: outcome.code !== grpcStatus.OK,
          ...(isGrpcAnswer(outcome) ? {} : { fault: `ended with ${outcome.code}: ${outcome.details}` }),
        };
      },
    };
  }

  function connectionAttempt(choices: Choices): Attempt {
    const { api, sdkHttp, sdkGrpc, allocatorHttp, allocatorGrpc } = local.ports;
    const [name, port] = choices.of<[string, number]>([
      ['api', api],
      ['sdk', sdkHttp],
      ['sdk gRPC', sdkGrpc],
      ['allocator', allocatorHttp],
      ['allocator gRPC', allocatorGrpc],
    ]);
    const bytes = brokenConversation(choices);
    const endsPolitely = choices.happens(0.3);
    return {
      describe: () => `${name} connection: ${JSON.stringify(bytes.toString('latin1').slice(0, 800))}`,
      async run() {
        const statuses = await converse(port, bytes, endsPolitely);
        const wrong = statuses.find((status) => status >= 500 && status !== 501);
        return {
          outcome: `${name} connection ${statuses.at(-1) ?? 'without an answer'}`,
          isRefused: statuses.every((status) => status >= 400),
          ...(wrong === undefined ? {} : { fault: `answered ${wrong}` }),
        };
      },
    };
  }

  /** Whether the request is refused on a quiet cluster and changes it all the same. */
  async function changesThoughRefused(again: Attempt): Promise<boolean> {
    for (let look = 0; look < 3; look += 1) {
      await local.restore();
      const before = await local.settled();
      const { isRefused } = await again.run();
      if (!isRefused || (await local.settled()) === before) return false;
    }
    return true;
  }

  it(
    'get the errors that clients know, change nothing where they are refused, and leave it as it was',
    async () => {
      const choices = new Choices(SEED);
      const faults: string[] = [];
      const handlesBefore = await local.openHandles();
      let version = await local.settled();
      let digest = await local.digest();
      for (let index = 0; index < REQUESTS && faults.length < MAX_FAULTS; index += 1) {
        const next = attempt(choices);
        const note = (fault: string) => faults.push(`request ${index}: ${fault}\n  ${next.describe()}`);
        const startedAtMs = performance.now();
        try {
          const { outcome, isRefused, fault } = await next.run();
          counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
          if (fault !== undefined) note(fault);
          if (performance.now() - startedAtMs > SLOW_MS) note('took too long');
          const now = await local.version();
          if (now !== version) {
            if (isRefused && (await changesThoughRefused(next))) note('was refused, and changed something');
            version = await local.settled();
            digest = '';
          }
        } catch (error) {
          note(String(error));
        }
        if (index % RESTORE_EVERY !== RESTORE_EVERY - 1) continue;
        for (const fault of await local.strangeObjects()) note(fault);
        if (digest !== '' && (await local.digest()) !== digest) note('something changed without a new version');
        await local.restore();
        version = await local.settled();
        digest = await local.digest();
      }
      expect(faults).toEqual([]);
      expect(await local.errors()).toEqual([]);
      local.closeConnections();
      if (handlesBefore !== undefined) await until(async () => ((await local.openHandles()) ?? 0) <= handlesBefore);
    },
    TIMEOUT_MS,
  );
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error('files or sockets are still open');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

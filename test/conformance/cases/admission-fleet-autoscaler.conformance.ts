import { invalid, refusalIn } from '../harness/refusals.ts';
import { PATHS, RUN_LABEL } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';

const cluster = useCluster();

const buffer = { bufferSize: 1, maxReplicas: 5 };
const policy = { type: 'Buffer', buffer };
const between = { start: '2026-01-01T00:00:00Z', end: '2099-01-01T00:00:00Z' };

/** Asks for a FleetAutoscaler that is never made. */
function asked(spec: object) {
  return cluster.request('POST', `${PATHS.fleetautoscalers}?dryRun=All`, {
    apiVersion: 'autoscaling.agones.dev/v1',
    kind: 'FleetAutoscaler',
    metadata: { name: cluster.name('asked'), labels: { [RUN_LABEL]: cluster.run } },
    spec: { fleetName: 'nobody', policy, ...spec },
  });
}

const withBuffer = (settings: object) => asked({ policy: { type: 'Buffer', buffer: { ...buffer, ...settings } } });
const withWebhook = (webhook: object) => asked({ policy: { type: 'Webhook', webhook } });
const withSchedule = (schedule: object) =>
  asked({ policy: { type: 'Schedule', schedule: { between, policy, ...schedule } } });
const withChain = (...chain: unknown[]) => asked({ policy: { type: 'Chain', chain } });

/** Refused for these fields of `spec.policy`, all by the same reason. */
const wrong = (...fields: string[]) =>
  invalid(...fields.map((field): [string, string] => ['FieldValueInvalid', `spec.policy.${field}`]));
const missing = (...fields: string[]) =>
  invalid(...fields.map((field): [string, string] => ['FieldValueRequired', `spec.policy.${field}`]));

describe('a FleetAutoscaler as admission leaves it', () => {
  const policyOf = async (given: object) => (await asked({ policy: given })).body.spec.policy;

  it('looks every 30 seconds, of any Fleet, and has its policy written out', async () => {
    const { status, body } = await asked({ policy: { type: 'Buffer', buffer: { bufferSize: 1, maxReplicas: 3 } } });
    expect(status).toBe(201);
    expect(body.spec).toEqual({
      fleetName: 'nobody',
      policy: { type: 'Buffer', buffer: { bufferSize: 1, minReplicas: 0, maxReplicas: 3 } },
      sync: { type: 'FixedInterval', fixedInterval: { seconds: 30 } },
    });
    expect(body).not.toHaveProperty('status');
  });

  it.each([
    [null, 30],
    [{}, 30],
    [{ type: '' }, 30],
    [{ type: 'FixedInterval', fixedInterval: {} }, 30],
    [{ type: 'FixedInterval', fixedInterval: { seconds: 0 } }, 30],
    [{ fixedInterval: { seconds: 7 } }, 7],
  ])('with %j for its interval looks every %i seconds', async (sync, seconds) => {
    const { body } = await asked({ sync });
    expect(body.spec.sync).toEqual({ type: 'FixedInterval', fixedInterval: { seconds } });
  });

  it('has every setting of a policy that is there', async () => {
    const capacity = { bufferSize: 2, maxCapacity: 9 };
    const writtenOut = { key: '', bufferSize: 2, minCapacity: 0, maxCapacity: 9 };
    expect(await policyOf({ type: 'Counter', counter: capacity })).toEqual({ type: 'Counter', counter: writtenOut });
    expect(await policyOf({ type: 'List', list: capacity })).toEqual({ type: 'List', list: writtenOut });
    expect(await policyOf({ type: 'Webhook', webhook: { service: {} } })).toEqual({
      type: 'Webhook',
      webhook: { service: { name: '', namespace: '' } },
    });
    expect(await policyOf({ type: 'Chain', chain: [{ type: 'Buffer', buffer }] })).toEqual({
      type: 'Chain',
      chain: [{ id: '', type: 'Buffer', buffer: { ...buffer, minReplicas: 0 } }],
    });
  });

  it('has the times of a schedule in UTC, in whole seconds', async () => {
    const schedule = {
      between: { start: '2026-01-01T00:00:00+02:00', end: '2099-01-01T00:00:00.5Z' },
      policy: { type: 'Buffer', buffer: { bufferSize: 9, maxReplicas: 2 } },
    };
    expect(await policyOf({ type: 'Schedule', schedule })).toEqual({
      type: 'Schedule',
      schedule: {
        between: { start: '2025-12-31T22:00:00Z', end: '2099-01-01T00:00:00Z' },
        activePeriod: { timezone: '', startCron: '', duration: '' },
        // Nobody looks at the policy within a schedule before its time has come.
        policy: { type: 'Buffer', buffer: { bufferSize: 9, minReplicas: 0, maxReplicas: 2 } },
      },
    });
  });

  it('has no part that is empty or that nothing knows', async () => {
    const given = {
      ...policy,
      nonsense: 1,
      counter: null,
      webhook: { url: 'http://x', caBundle: '' },
      chain: [],
    };
    expect(await policyOf(given)).toEqual({
      type: 'Buffer',
      buffer: { ...buffer, minReplicas: 0 },
      webhook: { url: 'http://x' },
    });
  });

  it.each([
    ['a whole URL', { url: 'https://user:secret@a.example:8443/scale?x=1' }],
    ['a URL of whatever kind', { url: 'ftp://a/' }],
    ['a URL that is nothing but a word', { url: 'x' }],
    ['an empty URL', { url: '' }],
    ['a query that is broken', { url: 'http://a/?q=%zz' }],
    ['a Service', { service: { name: 's', namespace: 'n', path: 'scale', port: 8443 } }],
  ])('may have a webhook with %s', async (_what, webhook) => {
    expect((await withWebhook(webhook)).body.spec.policy.webhook).toEqual(webhook);
  });

  it.each([
    [{ startCron: '0 0 ? * MON-FRI', duration: '8h' }],
    [{ startCron: '@every 1h', duration: '-1h' }],
    [{ startCron: '*/5 * * JAN *', duration: '.5h' }],
    [{ startCron: '0 0 31 2 *' }],
    [{ timezone: 'UTC', duration: '0' }],
    [{ timezone: 'Local' }],
  ])('may have a schedule with %j', async (activePeriod) => {
    const { body } = await withSchedule({ activePeriod });
    expect(body.spec.policy.schedule.activePeriod).toEqual({
      timezone: '',
      startCron: '',
      duration: '',
      ...activePeriod,
    });
  });
});

describe('a FleetAutoscaler is refused', () => {
  it.each<[string, object, object]>([
    ['of none', { bufferSize: 0 }, wrong('buffer.bufferSize')],
    ['below 0', { bufferSize: -1 }, wrong('buffer.bufferSize')],
    ['that is a word', { bufferSize: 'x', minReplicas: 1 }, wrong('buffer.bufferSize')],
    ['that is a number in words', { bufferSize: '5', minReplicas: 1 }, wrong('buffer.bufferSize')],
    ['of 0%', { bufferSize: '0%', minReplicas: 1 }, wrong('buffer.bufferSize')],
    ['of 100%', { bufferSize: '100%', minReplicas: 1 }, wrong('buffer.bufferSize')],
    ['in percent, without a least', { bufferSize: '20%' }, wrong('buffer.minReplicas')],
    ['above the most', { bufferSize: 9 }, wrong('buffer.maxReplicas')],
    ['above the least', { bufferSize: 2, minReplicas: 1 }, wrong('buffer.minReplicas')],
    ['with a least above the most', { minReplicas: 9 }, wrong('buffer.minReplicas')],
    [
      'with a least below 0 and a most of 0',
      { minReplicas: -1, maxReplicas: 0 },
      wrong('buffer.minReplicas', 'buffer.maxReplicas'),
    ],
    ['without a most', { maxReplicas: null }, wrong('buffer.maxReplicas')],
    [
      'with a most in words',
      { maxReplicas: '2' },
      invalid(['FieldValueTypeInvalid', 'spec.policy.buffer.maxReplicas']),
    ],
  ])('for a buffer %s', async (_what, settings, refusal) => {
    expect(refusalIn(await withBuffer(settings))).toEqual(refusal);
  });

  it.each<[string, object, object]>([
    ['by neither URL nor Service', {}, missing('webhook')],
    [
      'by both',
      { url: 'http://x', service: { name: 's', namespace: 'n' } },
      invalid(['FieldValueDuplicate', 'spec.policy.webhook.url']),
    ],
    ['with certificates that are none', { url: 'https://x', caBundle: 'AAAA' }, wrong('webhook.caBundle')],
    [
      'with certificates that are no base64',
      { url: 'https://x', caBundle: '!!' },
      invalid(['FieldValueTypeInvalid', 'spec.policy.webhook.caBundle']),
    ],
    ['without the scheme', { url: ':x' }, wrong('webhook.url')],
    ['with a blank in the host', { url: 'http://a b/' }, wrong('webhook.url')],
    ['with a bracket too few', { url: 'http://[::1/' }, wrong('webhook.url')],
    ['with a port in words', { url: 'http://a:port/' }, wrong('webhook.url')],
    ['with a broken path', { url: 'a/%zz' }, wrong('webhook.url')],
    ['with a broken user', { url: 'http://user name@a/' }, wrong('webhook.url')],
    ['with what is no URL', { url: 5 }, invalid(['FieldValueTypeInvalid', 'spec.policy.webhook.url'])],
  ])('for a webhook %s', async (_what, webhook, refusal) => {
    expect(refusalIn(await withWebhook(webhook))).toEqual(refusal);
  });

  it.each(['counter', 'list'])('for the settings of a %s', async (kind) => {
    const type = kind === 'counter' ? 'Counter' : 'List';
    const good = { key: 'k', bufferSize: 1, maxCapacity: 5 };
    const refusal = async (settings: object) =>
      refusalIn(await asked({ policy: { type, [kind]: { ...good, ...settings } } }));
    expect(await refusal({ bufferSize: 0 })).toEqual(wrong(`${kind}.bufferSize`));
    expect(await refusal({ bufferSize: '10%' })).toEqual(wrong(`${kind}.minCapacity`));
    expect(await refusal({ bufferSize: '100%', minCapacity: 1 })).toEqual(wrong(`${kind}.bufferSize`));
    expect(await refusal({ bufferSize: 9 })).toEqual(wrong(`${kind}.maxCapacity`));
    expect(await refusal({ bufferSize: 3, minCapacity: 2 })).toEqual(wrong(`${kind}.minCapacity`));
    expect(await refusal({ minCapacity: 9 })).toEqual(wrong(`${kind}.minCapacity`));
    expect(await refusal({ maxCapacity: 0 })).toEqual(wrong(`${kind}.maxCapacity`));
    expect(await refusal({ key: 5 })).toEqual(invalid(['FieldValueTypeInvalid', `spec.policy.${kind}.key`]));
  });

  it.each<[string, object, object]>([
    [
      'with a time zone that is none',
      { activePeriod: { timezone: 'Nowhere/X' } },
      wrong('schedule.activePeriod.timezone'),
    ],
    ['with a start that is none', { activePeriod: { startCron: 'x' } }, wrong('schedule.activePeriod.startCron')],
    ['with minute 60', { activePeriod: { startCron: '60 0 * * *' } }, wrong('schedule.activePeriod.startCron')],
    ['with weekday 7', { activePeriod: { startCron: '0 0 * * 7' } }, wrong('schedule.activePeriod.startCron')],
    [
      'with a time zone in the start',
      { activePeriod: { startCron: 'TZ=UTC 0 1 * * *' } },
      wrong('schedule.activePeriod.startCron'),
    ],
    [
      'with a start and a duration that are none',
      { activePeriod: { startCron: '* * *', duration: '1d' } },
      wrong('schedule.activePeriod.startCron', 'schedule.activePeriod.duration'),
    ],
    [
      'that is over',
      { between: { start: '2026-01-01T00:00:00Z', end: '2026-01-02T00:00:00Z' } },
      wrong('schedule.between.end'),
    ],
    [
      'that ends before it starts',
      { between: { start: '2099-01-02T00:00:00Z', end: '2099-01-01T00:00:00Z' } },
      wrong('schedule.between'),
    ],
    [
      'without its times',
      { between: undefined },
      invalid(
        ['FieldValueTypeInvalid', 'spec.policy.schedule.between.start'],
        ['FieldValueTypeInvalid', 'spec.policy.schedule.between.end'],
      ),
    ],
    [
      'with the zero time, which is none',
      { between: { ...between, end: '0001-01-01T00:00:00Z' } },
      invalid(['FieldValueTypeInvalid', 'spec.policy.schedule.between.end']),
    ],
    [
      'of a schedule',
      { policy: { type: 'Schedule' } },
      invalid(['FieldValueNotSupported', 'spec.policy.schedule.policy.type']),
    ],
    ['of nothing', { policy: undefined }, invalid(['FieldValueNotSupported', 'spec.policy.schedule.policy.type'])],
  ])('for a schedule %s', async (_what, schedule, refusal) => {
    expect(refusalIn(await withSchedule(schedule))).toEqual(refusal);
  });

  it.each(['x', '', '2026-01-01'])('as a whole for a time like %j', async (start) => {
    const { status, body } = await withSchedule({ between: { ...between, start } });
    expect([status, body.reason]).toEqual([400, 'InternalError']);
  });

  it.each<[string, unknown[], object]>([
    [
      'with one id twice',
      [
        { id: 'a', ...policy },
        { id: 'a', ...policy },
      ],
      wrong('chain'),
    ],
    ['with no id twice', [policy, policy], wrong('chain')],
    ['without settings', [{ id: 'a', type: 'Buffer' }], missing('chain[0]', 'chain[0].policy.buffer')],
    ['with the settings of another', [{ id: 'a', type: 'Webhook', buffer }], missing('chain[0].policy.webhook')],
    [
      'with a chain',
      [{ id: 'a', type: 'Chain', buffer }],
      invalid(['FieldValueNotSupported', 'spec.policy.chain[0].type']),
    ],
    ['with nothing', [null], invalid(['FieldValueNotSupported', 'spec.policy.chain[0].type'])],
    [
      'with what would be refused alone',
      [
        { id: 'a', type: 'Buffer', buffer: { bufferSize: 0, maxReplicas: 1 } },
        { id: 'b', type: 'List', list: { key: 'k', bufferSize: 9, maxCapacity: 2 } },
      ],
      wrong('chain[0].policy.buffer.bufferSize', 'chain[1].policy.list.maxCapacity'),
    ],
  ])('for a chain %s', async (_what, chain, refusal) => {
    expect(refusalIn(await withChain(...chain))).toEqual(refusal);
  });

  it.each<[string, object, object]>([
    ['no policy', { policy: null }, invalid(['FieldValueNotSupported', 'spec.policy.type'])],
    [
      'a type of policy that is none',
      { policy: { type: 'Nope' } },
      invalid(['FieldValueNotSupported', 'spec.policy.type']),
    ],
    ['a policy of another type', { policy: { type: 'Webhook', buffer } }, missing('webhook')],
    [
      'WebAssembly, which is off',
      { policy: { type: 'Wasm', wasm: { from: { url: { url: 'http://x' } } } } },
      invalid(['FieldValueForbidden', 'spec.policy.wasm']),
    ],
    ['no name of a Fleet', { fleetName: '' }, invalid(['FieldValueInvalid', 'spec.fleetName'])],
    ['a name of a Fleet that is none', { fleetName: 'A' }, invalid(['FieldValueInvalid', 'spec.fleetName'])],
    ['a name of 64', { fleetName: 'a'.repeat(64) }, invalid(['FieldValueTooLong', 'spec.fleetName'])],
    [
      'an interval below 0',
      { sync: { fixedInterval: { seconds: -1 } } },
      invalid(['FieldValueInvalid', 'spec.sync.fixedInterval.seconds']),
    ],
    ['another kind of interval', { sync: { type: 'X' } }, invalid(['FieldValueNotSupported', 'spec.sync.type'])],
  ])('for %s', async (_what, spec, refusal) => {
    expect(refusalIn(await asked(spec))).toEqual(refusal);
  });

  it('a change by the same rules, and keeps what it was', async () => {
    const name = cluster.name('autoscaler');
    const path = `${PATHS.fleetautoscalers}/${name}`;
    await cluster.created(PATHS.fleetautoscalers, {
      apiVersion: 'autoscaling.agones.dev/v1',
      kind: 'FleetAutoscaler',
      metadata: { name, labels: { [RUN_LABEL]: cluster.run } },
      spec: { fleetName: 'nobody', policy },
    });
    const patch = (patched: object) => cluster.request('PATCH', path, { spec: patched });
    expect(refusalIn(await patch({ policy: { buffer: { bufferSize: 6 } } }))).toEqual(wrong('buffer.maxReplicas'));
    const { body } = await patch({ policy: { buffer: { bufferSize: 2 } }, sync: { fixedInterval: { seconds: 0 } } });
    expect(body.spec.policy.buffer.bufferSize).toBe(2);
    expect(body.spec.sync.fixedInterval.seconds).toBe(30);
    expect(body.metadata.generation).toBe(2);
  });
});

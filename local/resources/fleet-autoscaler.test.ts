import type { FleetAutoscaler, KubernetesObject } from '../../lib/agones.ts';
import { fleetAutoscalerDefinition } from './fleet-autoscaler.ts';
import { admitNew, causesOf, causesOfCreating, objectOf, storeOfAllKinds } from './testing/admission.ts';
import type { LooseObject } from './testing/admission.ts';

const buffer = { bufferSize: 1, maxReplicas: 5 };

function autoscaler(policy: LooseObject, spec: LooseObject = {}): KubernetesObject {
  return objectOf(fleetAutoscalerDefinition, 'one', { spec: { fleetName: 'f', policy, ...spec } });
}

const bufferOf = (settings: LooseObject) => autoscaler({ type: 'Buffer', buffer: settings });
const webhookOf = (webhook: LooseObject) => autoscaler({ type: 'Webhook', webhook });
const chainOf = (...chain: LooseObject[]) => autoscaler({ type: 'Chain', chain });
const scheduleOf = (schedule: LooseObject) =>
  autoscaler({
    type: 'Schedule',
    schedule: {
      between: { start: '2026-01-01T00:00:00Z', end: '2999-01-01T00:00:00Z' },
      policy: { type: 'Buffer', buffer },
      ...schedule,
    },
  });

describe('a new FleetAutoscaler', () => {
  it('looks every 30 seconds unless told otherwise, and has its buffer written out', () => {
    const created = storeOfAllKinds().create('fleetautoscalers', bufferOf({ bufferSize: 1, maxReplicas: 3 }));
    expect(created).toHaveProperty('spec', {
      fleetName: 'f',
      policy: { type: 'Buffer', buffer: { bufferSize: 1, minReplicas: 0, maxReplicas: 3 } },
      sync: { type: 'FixedInterval', fixedInterval: { seconds: 30 } },
    });
    expect(created).not.toHaveProperty('status');
  });

  it('takes an interval of 0 seconds for none given, also when it is changed', () => {
    const sync = { type: 'FixedInterval', fixedInterval: { seconds: 0 } };
    const store = storeOfAllKinds();
    const created = store.create('fleetautoscalers', autoscaler({ type: 'Buffer', buffer }, { sync }));
    expect(created).toHaveProperty('spec.sync.fixedInterval.seconds', 30);
    const changed = store.update('fleetautoscalers', {
      ...created,
      ...autoscaler({ type: 'Buffer', buffer }, { sync }),
    });
    expect(changed).toHaveProperty('spec.sync.fixedInterval.seconds', 30);
  });

  it('may lack the key of its Counter', () => {
    const { object, faults } = admitNew(
      fleetAutoscalerDefinition,
      autoscaler({ type: 'Counter', counter: { bufferSize: 1, maxCapacity: 5 } }),
    );
    expect(faults).toEqual([]);
    expect(object).toHaveProperty('spec.policy.counter', { key: '', bufferSize: 1, minCapacity: 0, maxCapacity: 5 });
  });

  it.each<[string, KubernetesObject]>([
    ['a webhook by its URL', webhookOf({ url: 'http://127.0.0.1:9/scale' })],
    ['a webhook as a Service', webhookOf({ service: { name: 's', namespace: 'n' } })],
    ['a percentage with a least', bufferOf({ bufferSize: '20%', minReplicas: 1, maxReplicas: 5 })],
    [
      'a schedule',
      scheduleOf({ activePeriod: { timezone: 'Europe/Berlin', startCron: '0 9 * * mon-fri', duration: '8h' } }),
    ],
    [
      'a chain',
      chainOf({ id: 'a', type: 'Buffer', buffer }, { id: 'b', type: 'Webhook', webhook: { url: 'http://x' } }),
    ],
  ])('may have %s', (_what, object) => {
    expect(causesOfCreating(fleetAutoscalerDefinition, object)).toEqual([]);
  });

  it.each<[string, KubernetesObject, string[]]>([
    [
      'a buffer of none',
      bufferOf({ bufferSize: 0, maxReplicas: 5 }),
      ['FieldValueInvalid spec.policy.buffer.bufferSize'],
    ],
    [
      'a buffer above the most',
      bufferOf({ bufferSize: 9, maxReplicas: 5 }),
      ['FieldValueInvalid spec.policy.buffer.maxReplicas'],
    ],
    [
      'a least above the most',
      bufferOf({ bufferSize: 1, minReplicas: 9, maxReplicas: 5 }),
      ['FieldValueInvalid spec.policy.buffer.minReplicas'],
    ],
    [
      'a least below the buffer',
      bufferOf({ bufferSize: 4, minReplicas: 2, maxReplicas: 5 }),
      ['FieldValueInvalid spec.policy.buffer.minReplicas'],
    ],
    [
      'a percentage without a least',
      bufferOf({ bufferSize: '20%', maxReplicas: 5 }),
      ['FieldValueInvalid spec.policy.buffer.minReplicas'],
    ],
    [
      'a percentage of 100',
      bufferOf({ bufferSize: '100%', minReplicas: 1, maxReplicas: 5 }),
      ['FieldValueInvalid spec.policy.buffer.bufferSize'],
    ],
    ['no most', bufferOf({ bufferSize: 1 }), ['FieldValueInvalid spec.policy.buffer.maxReplicas']],
    ['no type of policy', autoscaler({}), ['FieldValueNotSupported spec.policy.type']],
    ['a policy without its settings', autoscaler({ type: 'Buffer' }), ['FieldValueRequired spec.policy.buffer']],
    [
      'no name of a Fleet',
      autoscaler({ type: 'Buffer', buffer }, { fleetName: undefined }),
      ['FieldValueInvalid spec.fleetName'],
    ],
    [
      'a webhook with a URL and a Service',
      webhookOf({ url: 'http://x', service: { name: 's', namespace: 'n' } }),
      ['FieldValueDuplicate spec.policy.webhook.url'],
    ],
    ['a webhook with neither', webhookOf({}), ['FieldValueRequired spec.policy.webhook']],
    [
      'certificates that are none',
      webhookOf({ url: 'https://x', caBundle: 'AAAA' }),
      ['FieldValueInvalid spec.policy.webhook.caBundle'],
    ],
    ['a URL that is none', webhookOf({ url: ':x' }), ['FieldValueInvalid spec.policy.webhook.url']],
    [
      'a List whose least is above its most',
      autoscaler({ type: 'List', list: { key: 'k', bufferSize: 1, minCapacity: 9, maxCapacity: 5 } }),
      ['FieldValueInvalid spec.policy.list.minCapacity'],
    ],
    [
      'a schedule without its two times',
      scheduleOf({ between: undefined, activePeriod: { startCron: 'x', duration: '1h' } }),
      [
        'FieldValueTypeInvalid spec.policy.schedule.between.end',
        'FieldValueTypeInvalid spec.policy.schedule.between.start',
      ],
    ],
    [
      'a schedule with a cron expression, a duration and a time zone that are none',
      scheduleOf({ activePeriod: { timezone: 'Nowhere/Here', startCron: '61 * * * *', duration: 'long' } }),
      [
        'FieldValueInvalid spec.policy.schedule.activePeriod.duration',
        'FieldValueInvalid spec.policy.schedule.activePeriod.startCron',
        'FieldValueInvalid spec.policy.schedule.activePeriod.timezone',
      ],
    ],
    [
      'a schedule that is over',
      scheduleOf({ between: { start: '2001-01-01T00:00:00Z', end: '2002-01-01T00:00:00Z' } }),
      ['FieldValueInvalid spec.policy.schedule.between.end'],
    ],
    [
      'a schedule that ends before it starts',
      scheduleOf({ between: { start: '2999-01-01T00:00:00Z', end: '2998-01-01T00:00:00Z' } }),
      ['FieldValueInvalid spec.policy.schedule.between'],
    ],
    [
      'two entries of a chain with one id',
      chainOf({ id: 'a', type: 'Buffer', buffer }, { id: 'a', type: 'Buffer', buffer }),
      ['FieldValueInvalid spec.policy.chain'],
    ],
    [
      'an entry of a chain without a policy',
      chainOf({ id: 'a', type: 'Buffer' }),
      ['FieldValueRequired spec.policy.chain[0]', 'FieldValueRequired spec.policy.chain[0].policy.buffer'],
    ],
    [
      'a policy in WebAssembly',
      autoscaler({ type: 'Wasm', wasm: { from: { url: { url: 'http://x' } } } }),
      ['FieldValueForbidden spec.policy.wasm'],
    ],
    [
      'an interval below 0',
      autoscaler({ type: 'Buffer', buffer }, { sync: { type: 'FixedInterval', fixedInterval: { seconds: -1 } } }),
      ['FieldValueInvalid spec.sync.fixedInterval.seconds'],
    ],
  ])('is refused for %s', (_what, object, causes) => {
    expect(admitNew(fleetAutoscalerDefinition, object).faults).toEqual(causes);
    expect(causesOfCreating(fleetAutoscalerDefinition, object)).toEqual(causes);
  });

  it('has its status set though its schedule has run out since', () => {
    const between = { start: '2001-01-01T00:00:00Z', end: '2002-01-01T00:00:00Z' };
    const stored = scheduleOf({ between });
    const next = structuredClone(stored);
    Object.assign(next, { status: { ableToScale: false } });
    expect(fleetAutoscalerDefinition.validate?.(next, stored)).toEqual([]);
  });

  it('is refused a change that breaks a rule', () => {
    const store = storeOfAllKinds();
    store.create('fleetautoscalers', bufferOf(buffer));
    const widen = (bufferSize: number) =>
      store.modify<FleetAutoscaler>('fleetautoscalers', 'default', 'one', (copy) => {
        copy.spec.policy.buffer = { ...buffer, bufferSize };
      });
    expect(causesOf(() => widen(6))).toEqual(['FieldValueInvalid spec.policy.buffer.maxReplicas']);
    expect(causesOf(() => widen(5))).toEqual([]);
  });
});

import { asJsonObject } from '../api/json.ts';
import type { FieldFault } from '../api/resource.ts';
import { invalidValue } from './field-faults.ts';

const QUANTITY = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|([KMGTPE]i)|([numkMGTPE]))?$/;
const DECIMAL_SUFFIXES = 'num kMGTPE';
const BINARY_SUFFIXES = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

/** The number a quantity of Kubernetes stands for, e.g. 0.5 for `500m`; `undefined` when it is none. */
export function quantityValue(quantity: unknown): number | undefined {
  if (typeof quantity === 'number') return quantity;
  const match = typeof quantity === 'string' ? QUANTITY.exec(quantity) : null;
  if (match === null) return undefined;
  const [, number = '', exponent = '', binary, decimal] = match;
  if (binary !== undefined) return Number(number) * 1024 ** (BINARY_SUFFIXES.indexOf(binary) + 1);
  const power = decimal === undefined ? 0 : (DECIMAL_SUFFIXES.indexOf(decimal) - DECIMAL_SUFFIXES.indexOf(' ')) * 3;
  return Number(`${number}${exponent}`) * 10 ** power;
}

/** Faults of the `resources` of a container: nothing below zero, nothing asked for beyond its limit. */
export function resourceFaults(resources: unknown, path: string): FieldFault[] {
  const faults: FieldFault[] = [];
  const limits = asJsonObject(asJsonObject(resources)['limits']);
  const requests = asJsonObject(asJsonObject(resources)['requests']);
  for (const [name, quantity] of Object.entries(limits)) {
    if (isNegative(quantity)) faults.push(invalidValue(`${path}.limits[${name}]`, quantity, 'must not be below 0'));
  }
  for (const [name, quantity] of Object.entries(requests)) {
    if (isNegative(quantity)) faults.push(invalidValue(`${path}.requests[${name}]`, quantity, 'must not be below 0'));
    const limit = quantityValue(limits[name]);
    if (limit !== undefined && (quantityValue(quantity) ?? 0) > limit) {
      faults.push(invalidValue(`${path}.requests`, quantity, `must not be above the limit of ${name}`));
    }
  }
  return faults;
}

function isNegative(quantity: unknown): boolean {
  return (quantityValue(quantity) ?? 0) < 0;
}

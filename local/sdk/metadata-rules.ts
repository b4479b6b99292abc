import { GRPC_CODE, SdkError } from './sdk-error.ts';

const MAX_NAME_CHARACTERS = 63;
const MAX_PREFIX_CHARACTERS = 253;
const NAME = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

const NAME_RULE =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character " +
  "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const VALUE_RULE =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end " +
  "with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is " +
  "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

function keyFaults(key: string): string[] {
  const parts = key.split('/');
  if (parts.length > 2) return [`a qualified name ${NAME_RULE} with an optional DNS subdomain prefix and '/'`];
  const [prefix, name] = parts.length === 2 ? [parts[0] ?? '', parts[1] ?? ''] : [undefined, parts[0] ?? ''];
  const faults: string[] = [];
  if (prefix === '') faults.push('prefix part must be non-empty');
  else if (prefix !== undefined && (prefix.length > MAX_PREFIX_CHARACTERS || !SUBDOMAIN.test(prefix))) {
    faults.push('prefix part must be a lowercase RFC 1123 subdomain');
  }
  if (name === '') faults.push('name part must be non-empty');
  if (name.length > MAX_NAME_CHARACTERS) {
    faults.push(`name part must be no more than ${MAX_NAME_CHARACTERS} characters`);
  }
  if (!NAME.test(name)) faults.push(`name part ${NAME_RULE}`);
  return faults;
}

function valueFaults(value: string): string[] {
  const faults: string[] = [];
  if (value.length > MAX_NAME_CHARACTERS) faults.push(`must be no more than ${MAX_NAME_CHARACTERS} characters`);
  if (!VALUE.test(value)) faults.push(VALUE_RULE);
  return faults;
}

/**
 * Refuses what cannot be a label of Kubernetes. The SDK's key prefix is added later and not part of the check.
 *
 * @throws SdkError INVALID_ARGUMENT, with the text Agones 1.57 answers
 */
export function checkLabel(key: string, value: string): void {
  const wrongKey = keyFaults(key);
  if (wrongKey.length > 0) {
    throw new SdkError(GRPC_CODE.invalidArgument, `invalid label key ${JSON.stringify(key)}: ${wrongKey.join(', ')}`);
  }
  const wrongValue = valueFaults(value);
  if (wrongValue.length > 0) {
    throw new SdkError(
      GRPC_CODE.invalidArgument,
      `invalid label value ${JSON.stringify(value)} for key ${JSON.stringify(key)}: ${wrongValue.join(', ')}`,
    );
  }
}

/**
 * Refuses a key that cannot be an annotation's; the value is free.
 *
 * @throws SdkError INVALID_ARGUMENT, with the text Agones 1.57 answers
 */
export function checkAnnotationKey(key: string): void {
  const faults = keyFaults(key);
  if (faults.length > 0) {
    throw new SdkError(
      GRPC_CODE.invalidArgument,
      `invalid annotation key ${JSON.stringify(key)}: ${faults.join(', ')}`,
    );
  }
}

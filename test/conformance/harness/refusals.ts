import type { Answer } from './api-client.ts';

/** What makes a refusal of the Kubernetes API what it is; wording is nobody's contract. */
export interface Refusal {
  status: number;
  reason?: string;
  causes?: [reason: string, field: string][];
}

/** The refusal in an answer, causes in a fixed order. */
export function refusalIn({ status, body }: Answer): Refusal {
  const causes = body?.details?.causes as { reason: string; field: string }[] | undefined;
  return {
    status,
    ...(body?.reason === undefined ? {} : { reason: body.reason as string }),
    ...(causes === undefined ? {} : { causes: inOrder(causes.map(({ reason, field }) => [reason, field])) }),
  };
}

/** A 422 with these causes, whatever their order. */
export function invalid(...causes: [reason: string, field: string][]): Refusal {
  return { status: 422, reason: 'Invalid', causes: inOrder(causes) };
}

function inOrder(causes: [string, string][]): [string, string][] {
  return causes.toSorted((a, b) => a.join(' ').localeCompare(b.join(' ')));
}

/** One HTTP request, as it goes out. */
export interface FuzzRequest {
  /** What it is sent to. */
  service: 'api' | 'sdk' | 'allocator';
  method: string;
  path: string;
  query: [name: string, value: string][];
  headers: Record<string, string>;
  body: Uint8Array | undefined;
}

/** The request line's second word; what cannot stand there is escaped. */
export function targetOf({ path, query }: FuzzRequest): string {
  const search = query.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&');
  const target = search === '' ? path : `${path}?${search}`;
  return target.replace(/[^\x21-\x7e]/g, (character) => encode(character));
}

function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

/** Enough to send it again by hand. */
export function describeRequest(request: FuzzRequest): string {
  const body =
    request.body === undefined ? '' : ` ${JSON.stringify(Buffer.from(request.body).toString().slice(0, 700))}`;
  const headers = JSON.stringify(request.headers).slice(0, 300);
  return `${request.service}: ${request.method} ${targetOf(request).slice(0, 600)} ${headers}${body}`;
}

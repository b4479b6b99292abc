import type { ResourceDefinition } from './resource.ts';

/** What came with a request besides its body. */
export interface VirtualRequest {
  /** Nothing may be changed: answer as if it were. */
  dryRun: boolean;
  /** Aborted when the client is gone. */
  signal: AbortSignal;
}

/**
 * A resource nothing is stored of: one can only create it, and the answer is computed.
 *
 * It is served as an extension API server does it, the way Agones serves GameServerAllocations: a body that cannot be
 * decoded, or whose kind is another, is answered with status 500 and plain text before `create` is called, and every
 * method but POST with 405 and plain text.
 */
export interface VirtualResource {
  definition: ResourceDefinition;
  /** The answer is the same whatever is sent: bodies of any media type are taken and not looked at. */
  ignoresBody?: boolean;
  /**
   * @param body - the decoded object, of the right `apiVersion` and `kind`; nothing else about it was looked at
   * @returns the object to answer with status 201
   * @throws StatusError to answer a `Status`, PlainTextRefusal to answer bare text
   */
  create(namespace: string, body: Readonly<Record<string, unknown>>, request: VirtualRequest): Promise<object>;
}

/** An answer in plain text in place of a `Status`, as an extension API server gives for its own faults. */
export class PlainTextRefusal extends Error {
  readonly code: number;

  /** @param text - sent with a line end after it */
  constructor(code: number, text: string) {
    super(text);
    this.name = 'PlainTextRefusal';
    this.code = code;
  }
}

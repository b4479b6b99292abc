import type { JsonObject } from './json.ts';
import type { ResourceDefinition } from './resource.ts';

/**
 * A resource nothing is stored of: one can only create it, and the answer is computed.
 *
 * It is served as an extension API server does it, the way Agones serves GameServerAllocations: a body that cannot be
 * decoded, or whose kind is another, is answered with status 500 and plain text before `create` is called, every method
 * but POST with 405 and plain text, and queries are passed over, a dry run too.
 */
export interface VirtualResource {
  definition: ResourceDefinition;
  /** The answer is the same whatever is sent: bodies of any media type, or of none, are taken and not looked at. */
  ignoresBody?: boolean;
  /**
   * @param body - the decoded object, of the right `apiVersion` and `kind` where it names them; nothing else about it
   *   was looked at
   * @returns the object to answer with status 201
   * @throws StatusError to answer a `Status`, PlainTextRefusal to answer bare text
   */
  create(namespace: string, body: Readonly<JsonObject>): Promise<object>;
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

import type { Request } from 'express';
import { ProblemError } from '../../lib/errors.ts';

/** Host and port as they stand in a URL: nothing that could end the authority and begin something else. */
const HOST = /^(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,253})(:\d{1,5})?$/;

/**
 * Where the one who asks reaches the gateway, as an origin for WebSockets: `wss` where the page came over TLS.
 *
 * @throws ProblemError invalid_request when the request's own Host makes no URL
 */
export function webSocketOrigin(
  request: Request,
  settings: { publicUrl: string | undefined; trustProxy: boolean },
): string {
  if (settings.publicUrl !== undefined) {
    return settings.publicUrl.replace(/^http/, 'ws').replace(/\/+$/, '');
  }
  const forwardedHost = settings.trustProxy ? firstOf(request.get('x-forwarded-host')) : undefined;
  const forwardedProtocol = settings.trustProxy ? firstOf(request.get('x-forwarded-proto')) : undefined;
  const host = forwardedHost ?? request.get('host') ?? '';
  if (!HOST.test(host)) {
    throw new ProblemError('invalid_request', 'The host of the request cannot be part of a URL', {
      errors: [
        { field: forwardedHost === undefined ? 'header Host' : 'header X-Forwarded-Host', message: 'is no host' },
      ],
    });
  }
  return `${forwardedProtocol === 'https' ? 'wss' : 'ws'}://${host}`;
}

/** The URL that plays. */
export function sessionUrl(origin: string, sessionId: string, sealedToken: string): string {
  return `${origin}/session/${sessionId}?token=${sealedToken}`;
}

function firstOf(list: string | undefined): string | undefined {
  const first = list?.split(',')[0]?.trim();
  return first === '' ? undefined : first;
}

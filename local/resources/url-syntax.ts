const CONTROL_CHARACTER = /\p{Cc}/u;
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:/;
const BROKEN_ESCAPE = /%(?![0-9A-Fa-f]{2})/;
const USER = /^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/;
const HOST = /^[A-Za-z0-9\-._~!$&'()*+,;=:[\]<>"%\u0080-\u{10ffff}]*$/u;
/** Only what is beyond ASCII may be escaped in a host, and the percent sign itself. */
const ESCAPED_ASCII = /%(?!25)[0-7][0-9A-Fa-f]/;
const PORT = /^(:\d*)?$/;

/**
 * Whether a text can be read as a URL, be it a relative one. Agones looks no closer at the URLs of webhooks: `x` is good
 * enough, and whether anything answers there shows when it is asked.
 *
 * Source: RFC 3986, as read by Go's `net/url`, `Parse`.
 */
export function isUrl(text: string): boolean {
  const [beforeFragment = '', ...fragments] = text.split('#');
  if (CONTROL_CHARACTER.test(text) || BROKEN_ESCAPE.test(fragments.join('#'))) return false;
  const [scheme = ''] = SCHEME.exec(beforeFragment) ?? [];
  const [rest = ''] = beforeFragment.slice(scheme.length).split('?');
  if (!rest.startsWith('/') && scheme !== '') return true;
  if (!rest.startsWith('/') && rest.split('/')[0]?.includes(':') === true) return false;
  const hasAuthority = rest.startsWith('//') && (scheme !== '' || !rest.startsWith('///'));
  if (!hasAuthority) return !BROKEN_ESCAPE.test(rest);
  const [authority = '', ...path] = rest.slice(2).split('/');
  return isAuthority(authority) && !BROKEN_ESCAPE.test(path.join('/'));
}

function isAuthority(authority: string): boolean {
  const at = authority.lastIndexOf('@');
  const user = at < 0 ? '' : authority.slice(0, at);
  const host = authority.slice(at + 1);
  const portAt = host.startsWith('[') ? host.lastIndexOf(']') + 1 : host.lastIndexOf(':');
  if (host.startsWith('[') && portAt === 0) return false;
  return (
    USER.test(user) &&
    HOST.test(host) &&
    !BROKEN_ESCAPE.test(authority) &&
    !ESCAPED_ASCII.test(host) &&
    PORT.test(portAt < 0 ? '' : host.slice(portAt))
  );
}

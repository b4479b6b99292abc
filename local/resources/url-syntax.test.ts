import { isUrl } from './url-syntax.ts';

describe('a URL', () => {
  it.each([
    'http://a/',
    'https://user:secret@a.b:8443/scale?x=%zz#here',
    'http://[::1]:80/',
    'http://[::1]',
    'http://a:/',
    'x',
    '',
    '/path:with/colon',
    '//host/path',
    'ftp://a',
    'mailto:a b',
    'http://ä/ö',
    'http://a%25/',
  ])('may be %j', (text) => {
    expect(isUrl(text)).toBe(true);
  });

  it.each([
    ':x',
    'a b:c',
    'http://a b/',
    'http://[::1/',
    'http://[::1]x',
    'http://a:port/',
    'http://user name@a/',
    'http://us%er@a/',
    'http://a%41/',
    'http://a/%zz',
    'a/%zz',
    'http://a/#%zz',
    'http://a\u0001/',
    'a\nb',
  ])('may not be %j', (text) => {
    expect(isUrl(text)).toBe(false);
  });
});

import { expect, test } from 'vitest';
import { refusal, S3Trouble, troubleOf } from '../../../../src/services/s3/trouble.ts';
import { failure } from '../../../../src/support/diagnostic.ts';

test.each([
  [403, '<?xml version="1.0"?><Error><Code>SignatureDoesNotMatch</Code><Message>no</Message></Error>', 'refused', 'SignatureDoesNotMatch', 'SignatureDoesNotMatch: no'],
  [404, '{"Code":"XMinioAdminNoSuchUser","Message":"The specified user does not exist."}', 'refused', 'XMinioAdminNoSuchUser', 'XMinioAdminNoSuchUser: The specified user does not exist.'],
  [503, '<Error><Code>SlowDown</Code><Message>later</Message></Error>', 'silent', 'SlowDown', 'SlowDown: later'],
  [429, '<Error><Code>TooManyRequests</Code><Message>later</Message></Error>', 'silent', 'TooManyRequests', 'TooManyRequests: later'],
  [503, '<html>a balancer</html>', 'silent', 'ServiceUnavailable', 'ServiceUnavailable: <html>a balancer</html>'],
  [404, '', 'refused', 'NotFound', 'NotFound'],
  [418, 'a teapot', 'refused', undefined, 'status 418: a teapot'],
] as const)('status %d with %s is %s', (status, body, kind, code, msg) => {
  expect(refusal(status, body)).toMatchObject({ kind, msg });
  expect(refusal(status, body).code).toBe(code);
});

test('what broke before the request was sent did nothing; after it, nobody knows', () => {
  const kind = (error: unknown, sent: boolean): unknown => {
    const trouble = troubleOf(error, sent, 'PUT /x');
    return trouble instanceof S3Trouble ? trouble.trouble.kind : trouble.code;
  };
  expect(kind(new Error('socket hang up'), false)).toBe('silent');
  expect(kind(new Error('socket hang up'), true)).toBe('lost');
  expect(kind(Object.assign(new Error('no'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' }), false)).toBe('refused');
  expect(kind(failure('forward-failed', 'cannot reach it'), false)).toBe('silent');
  expect(troubleOf(new Error('x'), true, 'PUT /bucket?policy').message).toContain('Request: PUT /bucket?policy');
});

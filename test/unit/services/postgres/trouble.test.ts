import { describe, expect, test } from 'vitest';
import { troubleOf, PostgresTrouble } from '../../../../src/services/postgres/trouble.ts';
import { Diagnostic, failure } from '../../../../src/support/diagnostic.ts';
import { Secret } from '../../../../src/support/secret.ts';

function said(code: string, more: object = {}): Error {
  return Object.assign(new Error('it is so'), { code, severity: 'ERROR', ...more });
}

function trouble(error: unknown, at: 'connecting' | 'at work' = 'at work', shown?: string): PostgresTrouble {
  const result = troubleOf(error, at, shown);
  if (!(result instanceof PostgresTrouble)) throw new Error('no trouble of the server');
  return result;
}

test('what the server says is told whole, with the statement and a remedy', () => {
  expect(trouble(said('42501', { detail: 'd', hint: 'h' }), 'at work', 'GRANT x').message).toBe('ERROR 42501: it is so\nDetail: d\nHint: h\nStatement: GRANT x\nTo do: the role that logs in may not do this: log in as a superuser (login_user: care_admin), or as the owner');
});

test.each([
  ['28P01', 'connecting', 'refused'],
  ['57P03', 'connecting', 'silent'],
  ['57P01', 'connecting', 'silent'],
  ['57P01', 'at work', 'lost'],
  ['53300', 'connecting', 'refused'],
  ['25006', 'at work', 'refused'],
] as const)('%s while %s is %s', (code, at, kind) => {
  expect(trouble(said(code), at).trouble).toMatchObject({ kind, sqlstate: code });
});

test('a connection that breaks is lost at work, and nobody while connecting', () => {
  const broken = new Error('Connection terminated unexpectedly');
  expect([trouble(broken).trouble.kind, trouble(broken, 'connecting').trouble.kind]).toEqual(['lost', 'silent']);
  expect(trouble(new Error('self-signed certificate'), 'connecting').trouble.kind).toBe('refused');
});

describe('the tunnel', () => {
  test.each([['socket-absent', 'silent'], ['socket-dead', 'silent'], ['forward-failed', 'silent'], ['socket-denied', 'refused'], ['socket-forwarding-refused', 'refused']])('%s is %s', (code, kind) => {
    expect(trouble(failure(code, 'x', { remedy: 'r' }), 'connecting').trouble).toEqual({ kind, sqlstate: undefined, msg: 'x', remedy: 'r' });
  });

  test('a host that is lost is the host’s trouble', () => {
    const lost = new Diagnostic({ kind: 'unreachable', code: 'connection-lost', summary: 'gone' });
    expect(troubleOf(lost, 'at work')).toBe(lost);
  });
});

test('a secret in what the server says is masked', () => {
  const secret = new Secret('hunter2-hunter2');
  expect(trouble(said('22P02', { detail: `"${secret.reveal()}"` })).message).not.toContain('hunter2');
});

import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { main } from '../../../src/cli/cli.ts';
import { isLost } from '../../../src/state/postgres.ts';
import { databaseAddress, isLocal, passwordFrom } from '../../../src/state/postgres-url.ts';
import { Secret } from '../../../src/support/secret.ts';
import { fakeContext } from '../cli/fakes.ts';
import { testProject, type TestProject } from '../run/support.ts';

const nobody = { HOME: '/nonexistent' };

describe('CARE_DATABASE_URL', () => {
  test('another machine is verified in full, this one is spoken to in the clear, unless told otherwise', () => {
    expect(databaseAddress('postgresql://care@db.example.org/runs', nobody)).toMatchObject({ host: 'db.example.org', port: 5432, database: 'runs', user: 'care', password: undefined, tls: 'verify-full', connectSeconds: 5 });
    expect(databaseAddress('postgres://care@db:6432/runs?sslmode=require&connect_timeout=2', nobody)).toMatchObject({ port: 6432, tls: 'require', connectSeconds: 2 });
    expect(databaseAddress('postgresql://care@127.0.0.1/runs', nobody).tls).toBe('disable');
    expect(databaseAddress('postgresql://care@[::1]:5433/runs', nobody)).toMatchObject({ host: '::1', tls: 'disable' });
    expect(databaseAddress('postgresql://127.0.0.1.example.org/x', nobody).tls).toBe('verify-full');
    expect(databaseAddress('postgresql:///runs?host=/run/pg', nobody)).toMatchObject({ host: '/run/pg', user: userInfo().username, database: 'runs', tls: 'disable' });
    expect(databaseAddress('postgresql://', nobody)).toMatchObject({ host: '/run/postgresql', database: userInfo().username });
    expect([isLocal('localhost'), isLocal('10.0.0.1'), isLocal('127.1.2.3')]).toEqual([true, false, true]);
  });

  test('the password: from the URL, PGPASSWORD or the password file; never shown', () => {
    const at = databaseAddress('postgresql://care:p%40ss%3Aword@db/runs', nobody);
    expect(at.password).toBeInstanceOf(Secret);
    expect(at.password?.reveal()).toBe('p@ss:word');
    expect(JSON.stringify(at)).not.toContain('p@ss');
    expect(databaseAddress('postgresql://care@db/runs', { ...nobody, PGPASSWORD: 'from-the-environment' }).password?.reveal()).toBe('from-the-environment');
    const home = mkdtempSync(path.join(tmpdir(), 'care-pgpass-'));
    writeFileSync(path.join(home, '.pgpass'), '# db:*:*:*:comment\nother:*:*:*:no\ndb:5432:runs:care:from\\:file\n', { mode: 0o600 });
    expect(databaseAddress('postgresql://care@db/runs', { HOME: home }).password?.reveal()).toBe('from:file');
    chmodSync(path.join(home, '.pgpass'), 0o644);
    expect(() => databaseAddress('postgresql://care@db/runs', { HOME: home })).toThrow(/others may read the password file/);
    expect(passwordFrom('*:*:*:care:x', { host: '/run/pg', port: 1, database: 'd', user: 'ops' })).toBeUndefined();
    expect(passwordFrom('localhost:*:*:care:x', { host: '/run/pg', port: 1, database: 'd', user: 'care' })).toBe('x');
  });

  test.each([
    ['care@db', /it is not a URL/],
    ['mysql://care@db/x', /begins with mysql:/],
    ['postgresql://care@db/x?sslmode=prefer', /sslmode prefer is not offered/],
    ['postgresql://care@db/x?target=1', /the parameter target is not known/],
    ['postgresql://care@db/x?connect_timeout=soon', /connect_timeout must be/],
    ['postgresql://care@db/x?sslrootcert=ca.pem', /sslrootcert must be an absolute path/],
    ['postgresql://care@db/x?sslrootcert=/nonexistent/ca.pem', /sslrootcert: ENOENT/],
    ['postgresql://care:100%secret@db/x', /a % stands before/],
  ])('%s is refused, and not shown', (url, message) => {
    expect(() => databaseAddress(url, nobody)).toThrow(message);
    expect(() => databaseAddress(url, nobody)).not.toThrow(/secret/);
  });
});

test('what a new connection may help against', () => {
  const error = (code: string): Error => Object.assign(new Error('x'), { code });
  expect(['57P01', '57P03', '08006', '25006', 'ECONNREFUSED', 'ETIMEDOUT', 'EPIPE'].map((code) => isLost(error(code)))).toEqual([true, true, true, true, true, true, true]);
  expect(['23505', '57014', '42501', '28P01'].map((code) => isLost(error(code)))).toEqual([false, false, false, false]);
  expect([new Error('Connection terminated unexpectedly'), new Error('Query read timeout'), new Error('history: column x is not text')].map(isLost)).toEqual([true, true, false]);
});

describe('a run whose store cannot be reached', () => {
  let project: TestProject;
  beforeEach(() => {
    vi.stubEnv('CARE_STATE', mkdtempSync(path.join(tmpdir(), 'care-state-')));
    project = testProject({ 'playbook.yml': '- hosts: all\n  tasks:\n    - copy: { dest: "{{ work }}/made", content: x }\n' });
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    project.remove();
  });
  async function care(url: string, ...words: readonly string[]): Promise<{ status: number; out: string; err: string; seconds: number }> {
    const context = { ...fakeContext(project.dir), environment: { CARE_DATABASE_URL: url } };
    const from = performance.now();
    const status = await main(words, context);
    return { status, out: context.stdout.text(), err: context.stderr.text(), seconds: (performance.now() - from) / 1000 };
  }
  const apply = (url: string, ...more: readonly string[]): ReturnType<typeof care> => care(url, 'apply', path.join(project.dir, 'inventory.yml'), path.join(project.dir, 'playbook.yml'), '--lock-wait', '15', ...more);

  test('nobody listens: said once, the run is made and recorded here; with --require-history it is not begun', async () => {
    const url = 'postgresql://care:s3cret-of-url@127.0.0.1:1/runs';
    const required = await apply(url, '--require-history');
    expect([required.status, required.out]).toEqual([3, expect.not.stringContaining('changed')]);
    expect(required.err).toMatch(/the run is not begun, since it cannot be recorded: the run store care@127.0.0.1:1\/runs cannot be used: connect ECONNREFUSED[^]*or leave out --require-history/);
    const done = await apply(url);
    expect(done.status).toBe(0);
    expect(done.err.match(/cannot be used/g)).toHaveLength(1);
    expect(done.err).toContain('this run is recorded on this machine instead');
    expect(done.err + required.err).not.toContain('s3cret-of-url');
    expect(await care('', 'history')).toMatchObject({ status: 0, out: expect.stringContaining('converged') as string });
    expect(await care(url, 'history')).toMatchObject({ status: 3, out: '', err: expect.stringContaining('cannot be used') as string });
    expect(await apply('postgresql://db/x?what=1')).toMatchObject({ status: 65, out: '' });
  });

  test('a server that never answers holds the run up no longer than connect_timeout', async () => {
    const server = createServer(() => undefined).listen(0, '127.0.0.1');
    try {
      await new Promise((resolve) => server.once('listening', resolve));
      // A listening TCP socket has an AddressInfo.
      const { port } = server.address() as AddressInfo;
      const done = await apply(`postgresql://care@127.0.0.1:${String(port)}/runs?connect_timeout=1`);
      expect(done).toMatchObject({ status: 0, err: expect.stringContaining('recorded on this machine instead') as string });
      expect(done.seconds).toBeGreaterThan(0.9);
      expect(done.seconds).toBeLessThan(8);
    } finally {
      server.close();
    }
  });
});

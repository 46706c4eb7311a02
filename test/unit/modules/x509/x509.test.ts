/** The x509 modules together, as role pki uses them: keys and certificates on a real file system. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { caTrust } from '../../../../src/host/kinds/ca-trust.ts';
import { publicKey } from '../../../../src/host/kinds/public-key.ts';
import { FactStore } from '../../../../src/host/fact-store.ts';
import type { ActionResult, Plan } from '../../../../src/host/plan.ts';
import type { Module } from '../../../../src/modules/define.ts';
import { x509Bundle } from '../../../../src/modules/x509_bundle/index.ts';
import { x509Ca } from '../../../../src/modules/x509_ca/index.ts';
import { keep } from '../../../../src/modules/x509_ca/keep.ts';
import { x509Certificate } from '../../../../src/modules/x509_certificate/index.ts';
import { requestConfig, x509Csr } from '../../../../src/modules/x509_csr/index.ts';
import { x509Info } from '../../../../src/modules/x509_info/index.ts';
import { x509PrivateKey } from '../../../../src/modules/x509_private_key/index.ts';
import { x509Trust } from '../../../../src/modules/x509_trust/index.ts';
import { badInput } from '../../../../src/support/diagnostic.ts';
import { Secret } from '../../../../src/support/secret.ts';
import { readRequest } from '../../../../src/support/x509/inspect.ts';
import { fakePort } from '../control/port.ts';
import { fakeBase, fakeFile, fakeHost, type FakeHost } from '../fake-host.ts';
import { converge, observeOne, planHere, runScript, scratch, shells, sweep } from '../exec.ts';
import { scriptOf } from '../script-of.ts';

afterEach(sweep);
const NOW = fakeBase.epoch;
const DAY = 86_400;

/** Plans with a controller whose files are real, at some day of the host's clock. */
function planAt(module: Module, args: unknown, day = 0, more: FakeHost = {}): Plan {
  const base = fakeHost({ ...more, base: { epoch: NOW + day * DAY } });
  return module.prepare(args).plan({
    ...base,
    localFile(src) {
      if (!existsSync(src)) throw badInput('no-such-file', `there is no file ${src}`);
      return fakeFile(src, readFileSync(src));
    },
  });
}
async function act(plan: Plan): Promise<ActionResult> {
  if (plan.type !== 'action' || plan.action.perform.type !== 'conversation') throw new Error(`planned ${plan.type}`);
  return plan.action.perform.converse(fakePort({}));
}
async function makeCa(path: string): Promise<ActionResult> {
  return act(planAt(x509Ca, { path, common_name: 'Lab CA' }));
}
const resources = (plan: Plan): unknown => (plan.type === 'changes' ? plan.changes.map((c) => c.resource) : plan.type);

describe('x509_ca', () => {
  test('is made once, mode 0600, and kept', async () => {
    const path = join(scratch(), 'pki/authority.pem');
    expect(planAt(x509Ca, { path, common_name: 'Lab CA' }, 0, { check: true })).toMatchObject({ type: 'action', action: { resource: `certificate authority ${path}`, mutates: true, effects: [] } });
    expect(await makeCa(path)).toMatchObject({ changed: true, values: { days_left: 3650, rotating: false } });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(planAt(x509Ca, { path, common_name: 'Lab CA' })).toMatchObject({ type: 'ok', values: { rotating: false } });
  });

  test('two hosts that find no CA make one', async () => {
    const path = join(scratch(), 'authority.pem');
    const plans = [planAt(x509Ca, { path, common_name: 'Lab CA' }), planAt(x509Ca, { path, common_name: 'Lab CA' })];
    const results = await Promise.all(plans.map(act));
    expect(results.map((r) => r.changed)).toEqual([true, false]);
  });

  test('a file that somebody else changed is left alone', () => {
    const path = join(scratch(), 'authority.pem');
    keep(path, 'one', undefined);
    expect(() => {
      keep(path, 'two', undefined);
    }).toThrow(/changed by somebody else/);
    expect(() => {
      keep(path, 'two', 'zero');
    }).toThrow(/changed by somebody else/);
    expect(readFileSync(path, 'utf8')).toBe('one');
    keep(path, 'two', 'one');
    expect(readFileSync(path, 'utf8')).toBe('two');
    expect(readdirSync(join(path, '..'))).toEqual(['authority.pem']);
  });

  test('a damaged CA is never replaced', async () => {
    const path = join(scratch(), 'authority.pem');
    writeFileSync(path, 'not a CA');
    expect(() => planAt(x509Ca, { path, common_name: 'Lab CA' })).toThrow(/no certificate with its key/);
    await expect((async () => makeCa(path))()).rejects.toThrow();
    expect(readFileSync(path, 'utf8')).toBe('not a CA');
  });

  test('changes over: trusted first, signing later, the old one trusted on', async () => {
    const path = join(scratch(), 'authority.pem');
    const args = { path, common_name: 'Lab CA', days: 100, overlap_days: 10 };
    const first = (await act(planAt(x509Ca, args))).values;
    const prepared = (await act(planAt(x509Ca, args, 70))).values;
    expect(prepared).toMatchObject({ certificate: first?.['certificate'], rotating: true });
    expect(planAt(x509Ca, args, 79).type).toBe('ok');
    const promoted = (await act(planAt(x509Ca, args, 80))).values;
    expect(promoted?.['certificate']).not.toBe(first?.['certificate']);
    expect(promoted).toMatchObject({ bundle: expect.stringContaining(JSON.parse(JSON.stringify(first?.['certificate'])) as string) as string });
    expect(planAt(x509Ca, args, 80).type).toBe('ok');
  });
});

describe.each(shells)('%s: on a host', (shell) => {
  test('key, certificate, bundle, and then rest', { timeout: 60_000 }, async () => {
    const dir = scratch();
    const path = join(dir, 'authority.pem');
    await makeCa(path);
    const local = { [path]: { content: readFileSync(path) } };
    const [key, crt, ca] = ['server.key', 'server.crt', 'ca.crt'].map((n) => join(dir, n)) as [string, string, string];
    const wanted = { path: crt, privatekey_path: key, authority: path, common_name: 'db1', subject_alt_name: ['db1.care.test', '192.0.2.1'] };

    expect(observeOne(publicKey(key), shell)).toEqual({ state: 'absent' });
    expect(converge(x509PrivateKey, { path: key }, { shell }).map((c) => c.resource)).toEqual([`private key ${key}`]);
    expect(statSync(key).mode & 0o7777).toBe(0o600);
    const before = readFileSync(key, 'utf8');
    expect(converge(x509PrivateKey, { path: key, mode: '0640' }, { shell }).map((c) => c.what)).toEqual(['mode 0600 → 0640']);
    expect(readFileSync(key, 'utf8')).toBe(before);

    const made = converge(x509Certificate, wanted, { shell, local });
    expect(made.map((c) => [c.resource, c.what])).toEqual([[`certificate ${crt}`, 'issue: there is none']]);
    expect(JSON.stringify(made)).not.toContain('PRIVATE KEY');
    converge(x509Bundle, { path: ca, authority: path }, { shell, local });
    expect(readFileSync(ca, 'utf8')).not.toContain('PRIVATE KEY');
    expect(execFileSync('openssl', ['verify', '-x509_strict', '-attime', String(NOW), '-purpose', 'sslserver', '-verify_hostname', 'db1.care.test', '-CAfile', ca, crt]).toString()).toContain('OK');
    expect(converge(x509Certificate, { ...wanted, subject_alt_name: ['db2.care.test'] }, { shell, local })[0]?.what).toMatch(/^issue: names /);
    expect(converge(x509Certificate, { ...wanted, subject_alt_name: ['db2.care.test'], mode: '0600' }, { shell, local })[0]?.what).toBe('mode 0644 → 0600');

    converge(x509PrivateKey, { path: key, type: 'ed25519' }, { shell });
    expect(converge(x509Certificate, wanted, { shell, local })[0]?.what).toBe('issue: the key is another one');
  });

  test('a request for a CA elsewhere', () => {
    const dir = scratch();
    const args = { path: join(dir, 'a.csr'), privatekey_path: join(dir, 'a.key'), common_name: 'It\'s "quoted" $HOME \\ é', organization_name: 'O', subject_alt_name: ['care.example.org', '2001:db8::1'] };
    converge(x509PrivateKey, { path: args.privatekey_path, type: 'ed25519' }, { shell });
    converge(x509Csr, args, { shell });
    expect(readRequest(readFileSync(args.path, 'utf8'))).toMatchObject({ subject: 'O=O, CN=It\'s "quoted" $HOME \\ é', sans: ['DNS:care.example.org', 'IP:2001:db8::1'] });
    expect(converge(x509Csr, { ...args, common_name: 'other' }, { shell })[0]?.what).toMatch(/^subject /);
  });

  test('a key that cannot be read is never overwritten', () => {
    const key = join(scratch(), 'k');
    writeFileSync(key, 'rubbish');
    expect(observeOne(publicKey(key), shell)).toMatchObject({ state: 'unreadable' });
    expect(planHere(x509PrivateKey, { path: key }, { shell }).plan).toMatchObject({ type: 'failed', remedy: expect.stringContaining('move it away') as string });
    expect(readFileSync(key, 'utf8')).toBe('rubbish');
  });

  test('a directory that is not there', () => {
    const { plan } = planHere(x509PrivateKey, { path: join(scratch(), 'no/k') }, { shell });
    if (plan.type !== 'changes') throw new Error(plan.type);
    const ran = runScript(shell, scriptOf(plan.changes[0]));
    expect(ran.status).not.toBe(0);
    expect(ran.stderr).toContain('does the directory exist?');
  });
});

test('check mode on a fresh host predicts what apply then does', async () => {
  const dir = scratch();
  const path = join(dir, 'authority.pem');
  const tasks: readonly [Module, Record<string, unknown>][] = [
    [x509PrivateKey, { path: join(dir, 'k') }],
    [x509Certificate, { path: join(dir, 'c'), privatekey_path: join(dir, 'k'), authority: path, common_name: 'h1' }],
    [x509Bundle, { path: join(dir, 'ca'), authority: path }],
  ];
  const store = new FactStore(true);
  const predicted = tasks.map(([module, args]) => {
    const { plan } = planHere(module, args, { check: true, store });
    if (plan.type === 'changes') for (const change of plan.changes) store.apply(change.effects, change.resource);
    return resources(plan);
  });
  expect(existsSync(join(dir, 'k'))).toBe(false);
  const again = planHere(x509Certificate, tasks[1]?.[1], { check: true, store }).plan;
  expect(again, 'what it says, nobody can tell yet').toMatchObject({ type: 'changes', valuesUnknown: `until certificate ${join(dir, 'c')}` });
  expect(planHere(x509Info, { path: join(dir, 'c'), fail_below_days: 7 }, { check: true, store }).plan).toEqual({ type: 'unknown', because: `what the certificates say is unknown until certificate ${join(dir, 'c')}` });
  await makeCa(path);
  const local = { [path]: { content: readFileSync(path) } };
  expect(tasks.map(([module, args]) => converge(module, args, { local }).map((c) => c.resource))).toEqual(predicted);
});

describe('x509_certificate', () => {
  const args = { path: '/c', privatekey_path: '/k', authority: '/no/ca', common_name: 'h1' };
  const text = '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n';
  const facts = (key: unknown): FakeHost => ({ facts: { 'public-key': { '/k': key }, content: { '/c': null } } });

  test('says what is missing', () => {
    expect(planAt(x509Certificate, args, 0, facts({ state: 'present', pem: text }))).toMatchObject({ type: 'failed', msg: 'the CA does not exist' });
    const authority = new Secret('-----BEGIN rubbish');
    expect(() => planAt(x509Certificate, { ...args, authority }, 0, facts({ state: 'present', pem: text }))).toThrow(/given as text/);
  });

  test('without a key, or without openssl', async () => {
    const authority = join(scratch(), 'authority.pem');
    await makeCa(authority);
    for (const [key, msg] of [
      [{ state: 'absent' }, 'there is no private key /k'],
      [{ state: 'no-openssl' }, 'there is no openssl on the host'],
      [{ state: 'unreadable', why: 'bad' }, '/k cannot be read as a private key: bad'],
    ] as const) {
      expect(planAt(x509Certificate, { ...args, authority }, 0, facts(key))).toMatchObject({ type: 'failed', msg });
    }
    expect(resources(planAt(x509Certificate, { ...args, authority }, 0, { ...facts({ state: 'no-openssl' }), check: true }))).toEqual(['certificate /c']);
  });

  test('from a CA in the inventory\'s secrets; never longer than the CA; renewed in time', async () => {
    const file = join(scratch(), 'authority.pem');
    await makeCa(file);
    const authority = new Secret(readFileSync(file, 'utf8'));
    const plan = planAt(x509Certificate, { ...args, authority }, 3600, facts({ state: 'present', pem: text }));
    if (plan.type !== 'changes') throw new Error(plan.type);
    expect(plan.values).toMatchObject({ days_left: 50 });
    const [issued] = plan.changes;
    const after = issued.diff?.after;
    if (typeof after !== 'string') throw new Error('no diff');
    const later = (day: number): Plan =>
      planAt(x509Certificate, { ...args, authority }, day, { facts: { 'public-key': { '/k': { state: 'present', pem: text } }, content: { '/c': Buffer.from(after) }, stat: { '/c': { exists: true, type: 'file', mode: '0644', owner: 'root', group: 'root', uid: 0, gid: 0, size: 1 } } } });
    expect(later(3600).type).toBe('ok');
    expect(later(3645).type).toBe('ok');
    expect(later(3651)).toMatchObject({ type: 'failed', msg: 'the CA has expired' });
  });

  test('schema', () => {
    expect(() => x509Certificate.prepare({ path: '/c', privatekey_path: '/k', authority: 'x' })).toThrow(/common_name or a subject_alt_name/);
    expect(() => x509Certificate.prepare({ ...args, days: 10, renew_before_days: 10 })).toThrow(/every run/);
    expect(() => x509Certificate.prepare({ ...args, subject_alt_name: 'IP:nonsense' })).toThrow(/must be DNS/);
  });
});

test('x509_trust: what to add, what to take out, and nothing when it is right', async () => {
  const path = join(scratch(), 'authority.pem');
  await makeCa(path);
  const plan = planAt(x509Trust, { name: 'care-site', authority: path }, 0, { facts: { 'ca-trust': { 'care-site': [{ file: 'care-site-0000000000000000.crt', pem: 'old', installed: true }] } } });
  if (plan.type !== 'changes') throw new Error(plan.type);
  const [change] = plan.changes;
  expect(change.resource).toBe('trusted CA care-site');
  expect(change.what).toMatch(/^add care-site-[0-9a-f]{16}\.crt, remove care-site-0000000000000000\.crt$/);
  expect(scriptOf(change).text).toMatch(/care_put .*\n.*rm -f -- \/usr\/local\/share\/ca-certificates\/care-site-0000000000000000\.crt\nupdate-ca-certificates/);
  const set = change.effects.find((e) => e.type === 'set');
  if (set?.type !== 'set') throw new Error('no claim');
  expect(planAt(x509Trust, { name: 'care-site', authority: path }, 0, { facts: { 'ca-trust': { 'care-site': set.value } } }).type).toBe('ok');
  expect(resources(planAt(x509Trust, { name: 'care-site', authority: '/no/ca' }, 0, { check: true, facts: { 'ca-trust': { 'care-site': [] } } }))).toEqual(['trusted CA care-site']);
  expect(planAt(x509Trust, { name: 'care-site', state: 'absent' }, 0, { facts: { 'ca-trust': { 'care-site': [] } } }).type).toBe('ok');
  expect(observeOne(caTrust({ name: 'no-such-name-here' }))).toEqual([]);
});

test('x509_info: the calendar, and what is late', async () => {
  const dir = scratch();
  const path = join(dir, 'authority.pem');
  await makeCa(path);
  const local = { [path]: { content: readFileSync(path) } };
  converge(x509PrivateKey, { path: join(dir, 'k') });
  converge(x509Certificate, { path: join(dir, 'c'), privatekey_path: join(dir, 'k'), authority: path, common_name: 'h1', days: 30 }, { local });
  const args = { path: [join(dir, 'c'), join(dir, 'none')], authority: path };
  const { plan } = planHere(x509Info, args, { local });
  expect(plan).toMatchObject({ type: 'ok', values: { days_left: 30, certificates: [{ path: join(dir, 'none'), state: 'absent' }, { state: 'valid', subject: 'CN=h1', days_left: 30 }, { path: '(the CA)', is_ca: true }] } });
  expect(planHere(x509Info, { ...args, fail_below_days: 31 }, { local }).plan).toMatchObject({ type: 'failed', msg: `${dir}/none is absent; ${dir}/c ends in 30 days` });
  expect(planHere(x509Info, { path: join(dir, 'c'), fail_below_days: 30 }, { local }).plan.type).toBe('ok');
});

test('values in openssl\'s configuration cannot break out', () => {
  const config = requestConfig(x509CsrArgs({ common_name: 'a"\\$x' }));
  expect(config).toContain('CN = "a\\"\\\\\\$x"');
});
function x509CsrArgs(more: object): Parameters<typeof requestConfig>[0] {
  return { path: '/p', privatekey_path: '/k', subject_alt_name: [], mode: '0644', ...more };
}

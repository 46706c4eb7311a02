import { describe, expect, test } from 'vitest';
import { edits } from '../../../../src/modules/etcd_auth/decide.ts';
import { etcdAuthModule } from '../../../../src/modules/etcd_auth/index.ts';
import { etcdAuth, type EtcdAuthFact } from '../../../../src/modules/etcd_auth/query.ts';
import { EtcdAuthArgs } from '../../../../src/modules/etcd_auth/schema.ts';
import type { AnyQuery } from '../../../../src/host/query.ts';
import { fakeHost } from '../fake-host.ts';
import { goldenCases } from '../golden.ts';

const base = { endpoints: ['https://a:2379', 'https://b:2379'], cacert: '/ca', cert: '/c', key: '/k', gateway_cert: '/gc', gateway_key: '/gk' };
const patroni = { name: 'patroni', password: 'correct-horse', grants: [{ prefix: '/service/' }] };
const parse = (more: Record<string, unknown> = {}): EtcdAuthArgs => EtcdAuthArgs.parse({ ...base, enabled: true, users: [patroni], ...more });
const args = parse();
const empty: EtcdAuthFact = { state: 'up', trouble: '', commonName: 'root', enabled: false, users: {}, roles: {}, passwords: {} };
/** /service/ … /service0 */
const SERVICE = 'readwrite L3NlcnZpY2Uv L3NlcnZpY2Uw';
const well: EtcdAuthFact = { ...empty, enabled: true, users: { patroni: ['patroni'], root: ['root'] }, roles: { patroni: [SERVICE], root: [] }, passwords: { patroni: true } };
const found = (fact: EtcdAuthFact, of = args): readonly string[] => edits(of, fact).map((e) => `${e.resource}: ${e.what}`);
const scriptOf = (fact: EtcdAuthFact, i = 0, of = args): string => edits(of, fact)[i]?.script.text ?? '';

goldenCases(etcdAuthModule, import.meta.url);

describe('what is made', () => {
  test('of nothing: root, role, user, and authentication last; then nothing more', () => {
    expect(found(empty)).toEqual(['etcd user root: create, without a password', 'etcd role patroni: create, readwrite /service/…', 'etcd user patroni: create', 'etcd authentication: enable']);
    expect(edits(args, empty).at(-1)?.after).toEqual(well);
    expect(edits(args, well)).toEqual([]);
  });

  test('passwords go by standard input, and are set once more when authentication is switched on', () => {
    const made = edits(args, empty);
    expect(made.map((e) => e.script.text).join('\n')).not.toContain('correct-horse');
    expect(made[2]?.script.attachments.map((a) => (a.content.kind === 'bytes' ? a.content.bytes.toString() : ''))).toEqual(['correct-horse\n']);
    expect(made[3]?.script.text).toMatch(/user passwd patroni --interactive=false[^]*auth enable/);
  });

  test('users without authentication are made for clients to be ready; nothing is made of neither', () => {
    expect(found(empty, parse({ enabled: false }))).toEqual(['etcd user root: create, without a password', 'etcd role patroni: create, readwrite /service/…', 'etcd user patroni: create']);
    expect(found(empty, parse({ enabled: false, users: [] }))).toEqual([]);
  });

  test('a user without a password is one by its certificate', () => {
    expect(scriptOf({ ...empty, users: { root: ['root'] }, roles: { root: [] } }, 1, parse({ users: [{ name: 'reader' }] }))).toContain('care_ctl user add reader --no-password');
  });
});

describe('what is mended', () => {
  test.each<[string, Partial<EtcdAuthFact>, readonly string[]]>([
    ['a password that does not work', { passwords: { patroni: false } }, ['etcd user patroni: password']],
    ['a right too many', { roles: { ...well.roles, patroni: [SERVICE, 'read L3NlY3JldA=='] } }, ['etcd role patroni: no read /secret']],
    ['a right too few', { roles: { ...well.roles, patroni: ['read L3NlcnZpY2Uv L3NlcnZpY2Uw'] } }, ['etcd role patroni: no read /service/…, readwrite /service/…']],
    ['a role too many', { users: { ...well.users, patroni: ['patroni', 'root'] } }, ['etcd user patroni: no role root']],
    ['no role', { users: { ...well.users, patroni: [] } }, ['etcd user patroni: role patroni']],
    ['a user that is not listed, and its role', { users: { ...well.users, mallory: ['root'] }, roles: { ...well.roles, mallory: [] } }, ['etcd user mallory: delete: it is not listed', 'etcd role mallory: delete: it is not listed']],
    ['authentication that is off', { enabled: false, passwords: {} }, ['etcd authentication: enable']],
    ['root without its role', { users: { ...well.users, root: [] } }, ['etcd user root: role root']],
  ])('%s', (_, more, changes) => {
    const fact = { ...well, ...more };
    expect(found(fact)).toEqual(changes);
    const after = edits(args, fact).at(-1)?.after ?? empty;
    expect(edits(args, after)).toEqual([]);
    expect(after).toEqual(well);
  });

  test('a right to all keys can be no word of a command, so the role is made anew and given back', () => {
    const text = scriptOf({ ...well, roles: { ...well.roles, patroni: ['readwrite AA== AA==', SERVICE] } });
    expect(text.split('\n').slice(-4)).toEqual(['care_ctl role delete patroni', 'care_ctl role add patroni', 'care_ctl role grant-permission patroni readwrite -- /service/ /service0', 'care_ctl user grant-role patroni patroni']);
  });

  test('authentication that is not wanted is switched off first', () => {
    expect(found(well, parse({ enabled: false, users: [] }))).toEqual(['etcd authentication: disable']);
  });
});

describe('the module', () => {
  const query = (): AnyQuery => etcdAuthModule.prepare({ ...base, enabled: true, users: [patroni] }).queries(fakeHost({ facts: {} }))[0] as AnyQuery;

  test('a password is no part of the name of the question, but another password is another question', () => {
    const other = etcdAuthModule.prepare({ ...base, enabled: true, users: [{ ...patroni, password: 'battery-staple' }] }).queries(fakeHost({ facts: {} }))[0] as AnyQuery;
    expect(query().id).not.toContain('correct-horse');
    expect(other.id).not.toBe(query().id);
  });

  test.each<[string, Record<string, unknown>, string]>([
    ['a user root', { users: [{ name: 'root' }] }, 'root is there anyway'],
    ['a short password', { users: [{ name: 'a', password: 'short' }] }, 'at least 12 printable'],
    ['a name that begins a password', { users: [{ name: 'a:b' }] }, 'must be letters'],
    ['a prefix that is no path', { users: [{ name: 'a', grants: [{ prefix: 'x' }] }] }, 'must begin with /'],
    ['one user twice', { users: [{ name: 'a' }, { name: 'a' }] }, 'different names'],
  ])('refuses %s', (_, more, message) => {
    expect(() => parse(more)).toThrow(message);
  });
});

describe('what etcdctl says', () => {
  const key = { endpoints: ['https://a:2379'], cacert: '/ca', cert: '/c', key: '/k', gatewayCert: '/gc', gatewayKey: '/gk', passwords: [{ name: 'patroni', password: "it's-a-secret" }] };
  const read = (...sections: readonly string[]): unknown => etcdAuth(key).kind.parse([key], { head: Buffer.from(sections[0] ?? ''), sections: [...sections.slice(1), ''].map((s) => Buffer.from(s)) })[0];

  test('is read as 3.5 prints it', () => {
    const status = '{"header":{"cluster_id":1,"member_id":2,"revision":1,"raft_term":2},"enabled":true,"authRevision":9}';
    const listed = 'user patroni {"header":{},"roles":["patroni"]}\nuser root {"header":{},"roles":["root"]}\nrole patroni {"header":{},"perm":[{"permType":2,"key":"L3NlcnZpY2Uv","range_end":"L3NlcnZpY2Uw"},{"key":"L3g="}]}\nrole root {"header":{}}\n';
    expect(read('up', `root\n${status}`, listed, 'patroni 200\n')).toEqual({ ...well, roles: { patroni: ['read L3g=', SERVICE], root: [] } });
    expect(read('up', `root\n${status}`, listed, 'patroni 400\n')).toMatchObject({ passwords: { patroni: false } });
  });

  test('nobody, and no etcdctl', () => {
    expect(read('down', 'root\nno member answers')).toMatchObject({ state: 'down', trouble: 'no member answers', enabled: false });
    expect(read('absent', '')).toMatchObject({ state: 'absent' });
  });

  test('passwords stand in the script as JSON, behind a word that nothing is expanded after', () => {
    expect(etcdAuth(key).kind.probe([key])).toContain(`<<'END0'\n{"name":"patroni","password":"it's-a-secret"}\nEND0`);
  });
});

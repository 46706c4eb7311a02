/** Who gets in by what role vault_data declares: certificates, signed tokens, AppRole; and logins that OpenBao makes in a real PostgreSQL. */
import { createSign, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { VaultAuth } from '../../src/services/vault/login.ts';
import { Secret } from '../../src/support/secret.ts';
import { testProject, type Result, type TestProject } from '../unit/run/support.ts';
import { hasPostgres, startPostgres, type LocalPostgres } from './support/local-postgres.ts';
import { authority, hasOpenBao, LIMITS, startOpenBao, type OpenBao } from './support/openbao.ts';

const PLAYBOOK = path.join(import.meta.dirname, '..', '..', 'playbooks', 'vault-data.yml');
const clients = authority('clients of the site');
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const Lease = z.object({ username: z.string(), password: z.string() });

let bao: OpenBao;
let project: TestProject;
let pg: LocalPostgres | undefined;

const text = (result: Result): string => JSON.stringify(result.events);
const errors = (result: Result): readonly string[] => result.events.flatMap((e) => (e.type === 'task' && e.status === 'failed' ? [`${e.task}: ${e.error ?? ''}`] : []));

function writeInventory(vars: Readonly<Record<string, unknown>>): void {
  const login = { ansible_connection: 'local', vault_data_url: bao.url, vault_data_authority: bao.authorityFile, vault_data_operator_authority: bao.operatorFile, vault_pki_authority: bao.authorityFile };
  project.write('inventory.yml', JSON.stringify({ all: { vars: { ...login, ...vars }, children: { vault: { hosts: { one: null } } } } }));
}

/** Applied as predicted, and nothing the second time. */
async function declared(vars: Readonly<Record<string, unknown>>): Promise<Result> {
  writeInventory(vars);
  const checked = await project.run({ mode: 'check', playbooks: [PLAYBOOK] });
  expect(errors(checked)).toEqual([]);
  const made = await project.run({ playbooks: [PLAYBOOK], diff: true });
  expect([errors(made), made.status, made.changes]).toEqual([[], 0, checked.changes]);
  const again = await project.run({ playbooks: [PLAYBOOK] });
  expect([errors(again), again.status, again.changes]).toEqual([[], 0, []]);
  return made;
}

/** What somebody who comes so may read at a path; the refusal in words. */
async function reads(auth: VaultAuth, at: string): Promise<unknown> {
  const client = bao.client(auth);
  try {
    return (await client.read(at, LIMITS))?.['data'];
  } catch (error) {
    return error instanceof Error ? error.message : error;
  } finally {
    await client.close();
  }
}

/** A signed token (RFC 7519, ES256). */
function jwt(claims: Readonly<Record<string, unknown>>, key = privateKey): string {
  const now = Math.floor(Date.now() / 1000);
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'ES256', typ: 'JWT' })}.${part({ iss: 'https://sso.care.test', aud: 'vault', nbf: now - 60, iat: now - 60, exp: now + 600, ...claims })}`;
  return `${signed}.${createSign('SHA256').update(signed).sign({ key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

const BASE = {
  vault_policies: [{ name: 'staff', rules: 'path "kv/data/staff/*" {\n  capabilities = ["read"]\n}\n' }],
  vault_mounts: [{ path: 'kv', type: 'kv', version: 2 }, { path: 'database', type: 'database' }],
  vault_kv_entries: [{ mount: 'kv', path: 'staff/note', data: { value: 'for staff' } }],
};

describe.skipIf(!hasOpenBao())('openbao 2.7.2 (care-provision artifacts fetch openbao)', () => {
  beforeAll(async () => {
    bao = await startOpenBao();
    project = testProject({});
    pg = hasPostgres() ? await startPostgres(clients) : undefined;
  });
  afterAll(async () => {
    await pg?.stop();
    project.remove();
    await bao.stop();
  });

  it('certificates of the declared CA get in, and may do what the role says and no more; those of another CA, or with another name, do not', async () => {
    await declared({ ...BASE, vault_auth_methods: [{ path: 'hosts', type: 'cert', roles: { web: { certificate: clients.current.certificate.pem, allowed_common_names: ['web1'], token_policies: ['staff'], token_ttl: '10m' } } }] });
    const come = (signer: typeof clients, commonName: string): VaultAuth => ({ type: 'certificate', authority: signer, commonName, mount: 'hosts', role: 'web' });
    expect(await reads(come(clients, 'web1'), 'kv/data/staff/note')).toEqual({ value: 'for staff' });
    expect(await reads(come(clients, 'web1'), 'kv/data/other')).toContain('permission denied');
    expect(await reads(come(clients, 'db1'), 'kv/data/staff/note')).toMatch(/log in at auth\/hosts/);
    expect(await reads(come(authority('another site'), 'web1'), 'kv/data/staff/note')).toMatch(/log in at auth\/hosts/);
  });

  it('signed tokens of the declared issuer get in; of another key, for somebody else, or with other claims do not', async () => {
    await declared({
      ...BASE,
      vault_auth_methods: [{ path: 'sso', type: 'jwt', config: { jwt_validation_pubkeys: [publicKey.export({ type: 'spki', format: 'pem' }).toString()], bound_issuer: 'https://sso.care.test' }, roles: { staff: { role_type: 'jwt', user_claim: 'sub', bound_audiences: ['vault'], bound_claims: { department: 'wards' }, token_policies: ['staff'], token_ttl: '10m' } } }],
    });
    const anybody = bao.client({ type: 'none' });
    const Token = z.object({ auth: z.object({ client_token: z.string() }) });
    const login = async (token: string): Promise<unknown> => {
      try {
        const { auth } = Token.parse(await anybody.write('auth/sso/login', { role: 'staff', jwt: token }, LIMITS));
        return await reads({ type: 'token', token: new Secret(auth.client_token) }, 'kv/data/staff/note');
      } catch (error) {
        return error instanceof Error ? error.message : error;
      }
    };
    expect(await login(jwt({ sub: 'asha', department: 'wards' }))).toEqual({ value: 'for staff' });
    expect(await login(jwt({ sub: 'asha', department: 'garden' }))).toContain('department');
    expect(await login(jwt({ sub: 'asha', department: 'wards', aud: 'else' }))).toMatch(/aud/);
    expect(await login(jwt({ sub: 'asha', department: 'wards' }, generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey))).toMatch(/signature|verify/);
    await anybody.close();
  });

  it.each<[string, object, RegExp]>([
    ['oidc whose provider is not there', { path: 'oidc', type: 'oidc', config: { oidc_discovery_url: 'https://127.0.0.1:9', oidc_client_id: 'vault', default_role: 'staff' }, secrets: { oidc_client_secret: '{{ secret "an-oidc-secret-of-the-test" }}' } }, /auth\/oidc\/config.*(?:discovery|connect)/],
    // OpenBao 2.7 has it as a plugin, which this build does not bring along.
    ['ldap without its plugin', { path: 'ldap', type: 'ldap', config: { url: 'ldaps://directory.care.test', userdn: 'ou=staff' } }, /sys\/auth\/ldap: plugin not found in the catalog.*register its plugin/s],
    ['kubernetes without an API', { path: 'pods', type: 'kubernetes', config: { kubernetes_host: '' } }, /auth\/pods\/config/],
    ['jwt with a key that is none', { path: 'tokens', type: 'jwt', config: { jwt_validation_pubkeys: ['no key'] } }, /auth\/tokens\/config/],
  ])('%s is refused by the server, and told with its words', async (_what, method, expected) => {
    writeInventory({ ...BASE, vault_auth_methods: [method] });
    const result = await project.run({ playbooks: [PLAYBOOK] });
    expect([result.status, errors(result).join()]).toEqual([3, expect.stringMatching(expected) as string]);
    expect(text(result)).not.toContain('an-oidc-secret-of-the-test');
  });

  it.skipIf(!hasPostgres())('a database gives logins that work, end, and are gone from it; a wrong password of the owner is refused before anything depends on it', async () => {
    if (pg === undefined) throw new Error('no PostgreSQL');
    const { port, caFile, sql, superuser, password } = pg;
    expect(sql(superuser, password, "CREATE ROLE vault LOGIN CREATEROLE PASSWORD 'of-the-vault-itself'; CREATE TABLE note (t text); INSERT INTO note VALUES ('of the ward'); CREATE ROLE readers; GRANT SELECT ON note TO readers; GRANT readers TO vault WITH ADMIN OPTION").out).toBe('');
    const database = (given: string): Readonly<Record<string, unknown>> => ({
      ...BASE,
      vault_databases: [{
        name: 'care', connection_url: { '!unsafe': '' }, username: 'vault', password: `{{ secret "${given}" }}`,
        roles: { reader: { creation_statements: ["CREATE ROLE \"@@name@@\" LOGIN PASSWORD '@@password@@' VALID UNTIL '@@expiration@@' IN ROLE readers"], default_ttl: '1h', max_ttl: '2h' } },
      }],
    });
    // What the server fills in stands in double braces: such text is no template of ours (`!unsafe`), which JSON cannot say.
    const write = (given: string): void => {
      writeInventory(database(given));
      const url = `postgresql://{{username}}:{{password}}@127.0.0.1:${String(port)}/postgres?sslmode=verify-full&sslrootcert=${caFile}`;
      const yaml = readFileSync(path.join(project.dir, 'inventory.yml'), 'utf8').replace('{"!unsafe":""}', `!unsafe ${JSON.stringify(url)}`).replace(/"(CREATE ROLE [^\]]*)"\]/, (_all, statement: string) => `!unsafe "${statement.replaceAll('@@name@@', '{{name}}').replaceAll('@@password@@', '{{password}}').replaceAll('@@expiration@@', '{{expiration}}')}"]`);
      project.write('inventory.yml', yaml);
    };
    write('not-the-password');
    const wrong = await project.run({ playbooks: [PLAYBOOK] });
    expect([wrong.status, errors(wrong).join()]).toEqual([3, expect.stringMatching(/database\/config\/care.*password authentication failed/) as string]);
    write('of-the-vault-itself');
    const checked = await project.run({ mode: 'check', playbooks: [PLAYBOOK] });
    const made = await project.run({ playbooks: [PLAYBOOK], diff: true });
    expect([errors(made), made.status, made.changes]).toEqual([[], 0, checked.changes]);
    expect(text(made)).not.toContain('of-the-vault-itself');
    expect((await project.run({ playbooks: [PLAYBOOK] })).changes).toEqual([]);

    const logins = (): string => sql(superuser, password, "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'v-%'").out;
    const given = Lease.parse(await bao.root.read('database/creds/reader', LIMITS));
    expect(logins()).toBe('1');
    expect(sql(given.username, given.password, 'SELECT t FROM note')).toEqual({ status: 0, out: 'of the ward' });
    expect(sql(given.username, given.password, "INSERT INTO note VALUES ('x')").out).toContain('permission denied');
    await bao.root.write('sys/leases/revoke-prefix/database/creds/reader', { sync: true }, LIMITS);
    expect(sql(given.username, given.password, 'SELECT 1').out).toContain('password authentication failed');
    expect(logins()).toBe('0');

    // Looking does not log in; verify does, and gives the login back.
    const looked = await project.run({ mode: 'check', playbooks: [PLAYBOOK] });
    expect([errors(looked), looked.changes, logins()]).toEqual([[], [], '0']);
    const verified = await project.run({ mode: 'verify', playbooks: [PLAYBOOK] });
    expect([errors(verified), verified.status, logins()]).toEqual([[], 0, '0']);
    sql(superuser, password, "ALTER ROLE vault PASSWORD 'changed-behind-its-back'");
    await bao.root.write('database/reset/care', {}, LIMITS).catch(() => undefined);
    const broken = await project.run({ mode: 'verify', playbooks: [PLAYBOOK] });
    expect([broken.status, errors(broken).join()]).toEqual([3, expect.stringContaining('database/creds/reader') as string]);
  });
});

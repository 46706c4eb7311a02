/**
 * Logins that OpenBao makes in a cluster by Patroni when they are asked for: used through the write endpoint as a service would, also after
 * another member leads; given back; and what the two roles think of each other's work. Three hosts that are members of both, about ten minutes.
 */
import { createHash, randomBytes } from 'node:crypto';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { labDown, labUp, type Lab } from '../../src/lab/index.ts';
import { eventually, hostVariables, labProject, onHost, troubleOf } from '../integration/support/lab-project.ts';
import { ownLab } from '../integration/support/lab.ts';
import type { Result } from '../unit/run/support.ts';
import { changes, hasOpenBao, MEMBERS, VaultLab } from './support/vault-lab.ts';

const book = (name: string): string => path.join(import.meta.dirname, '..', '..', 'playbooks', name);
const CLUSTERS = ['pki.yml', 'etcd.yml', 'postgres.yml', 'postgres-proxy.yml', 'postgres-databases.yml', 'vault.yml'].map(book);
const DATA = ['postgres-databases.yml', 'vault-data.yml'].map(book);
const NETWORKS = ['172.16.0.0/12', '10.0.0.0/8'];

const passwordOf = (name: string): string => createHash('sha256').update(`vault drill ${name}`).digest('hex');
const secretOf = (name: string): string => `{{ secret "${passwordOf(name)}" }}`;
/** Text for the server with braces of its own, which JSON cannot mark as such. */
const UNSAFE = /"!unsafe (.*?)"(?=[,}\]])/g;

let lab: Lab;
let at: VaultLab;
const troubles = (result: Result): string => MEMBERS.map((name) => troubleOf(result, name)).join('');
const run = (playbooks: readonly string[] = DATA, more: Parameters<VaultLab['run']>[0] = {}): Promise<Result> => at.run({ playbooks, ...more });

function writeInventory(): void {
  const hosts = Object.fromEntries(MEMBERS.map((name) => [name, { ...hostVariables(lab, name), etcd_address: at.address(name), postgres_address: at.address(name), vault_address: at.address(name) }]));
  const all = Object.fromEntries(MEMBERS.map((m) => [m, null]));
  const url = `postgresql://{{username}}:{{password}}@${MEMBERS.map((m) => `${at.address(m)}:5432`).join(',')}/postgres?target_session_attrs=read-write&sslmode=verify-full&sslrootcert=/etc/care-vault/pki/ca.crt`;
  const vars = {
    base_firewall: false, etcd_client_networks: NETWORKS, postgres_client_networks: NETWORKS, postgres_shared_buffers_mb: 64, postgres_admin_password: secretOf('admin'), postgres_rest_password: secretOf('rest'),
    pgbouncer_auth_password: secretOf('pgbouncer'), pgbouncer_verify_password: secretOf('verify'),
    postgres_databases: [{ name: 'care' }],
    postgres_roles: [{ name: 'care_migrate', password: secretOf('migrate'), member_of: ['care_owner'], settings: { role: 'care_owner' } }],
    postgres_login_issuers: [{ name: 'vault', password: secretOf('vault'), groups: ['care_ro'] }],
    vault_seal: 'static', vault_seal_key: `{{ secret "${randomBytes(32).toString('base64')}" }}`, vault_key_holders: at.holders(), vault_key_threshold: 2,
    vault_policies: [{ name: 'care', rules: 'path "database/creds/reader" {\n  capabilities = ["read"]\n}\n' }],
    vault_mounts: [{ path: 'database', type: 'database' }],
    vault_auth_methods: [{ path: 'approle', type: 'approle', roles: { care: { token_policies: ['care'], token_ttl: '1h' } } }],
    vault_databases: [{
      name: 'care', connection_url: `!unsafe ${url}`, username: 'vault', password: secretOf('vault'),
      roles: {
        reader: {
          creation_statements: ["!unsafe CREATE ROLE '{{name}}' LOGIN PASSWORD ~{{password}}~ VALID UNTIL ~{{expiration}}~ IN ROLE care_ro"],
          revocation_statements: ["!unsafe GRANT '{{name}}' TO CURRENT_USER WITH INHERIT TRUE", '!unsafe SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ~{{name}}~', "!unsafe DROP ROLE IF EXISTS '{{name}}'"],
          default_ttl: '1h', max_ttl: '2h',
        },
      },
    }],
  };
  const json = JSON.stringify({ all: { vars, hosts, children: { etcd: { hosts: all }, postgres: { hosts: all }, postgres_proxy: { hosts: all }, vault: { hosts: all } } } });
  // A YAML text in single quotes, where each quote is doubled: '…' stands for SQL's "…" and ~…~ for its '…'.
  at.project.write('inventory.yml', json.replace(UNSAFE, (_all, text: string) => `!unsafe '${text.replaceAll("'", '"').replaceAll('~', "''")}'`));
}

const Login = z.object({ lease_id: z.string(), data: z.object({ username: z.string(), password: z.string() }) });
type Login = z.output<typeof Login>;

/** As the service on a host: it logs in at the member beside it with what it was given, and asks for a login. */
async function ask(host: string, identity: { readonly role: string; readonly secret: string }): Promise<Login> {
  const url = `https://${at.address(host)}:8200/v1`;
  const answer = await onHost(lab, host, `cd /etc/care-vault/pki; token=$(curl -s -m 20 --cacert ca.crt -X POST -d '{"role_id":"${identity.role}","secret_id":"${identity.secret}"}' ${url}/auth/approle/login | sed -n 's/.*"client_token":"\\([^"]*\\)".*/\\1/p'); curl -s -m 30 --cacert ca.crt -H "X-Vault-Token: $token" ${url}/database/creds/reader`);
  return Login.parse(JSON.parse(answer));
}

/** What the service gets when it logs in through the write endpoint of a host: rows, or psql's words. */
async function uses(host: string, { data }: Login, statement = 'SELECT t FROM note'): Promise<string> {
  return onHost(lab, host, `PGPASSWORD=${data.password} PGCONNECT_TIMEOUT=10 psql -XAtq "host=localhost port=5000 user=${data.username} dbname=care sslmode=verify-full sslrootcert=/etc/care-provision/pki/ca.crt" -c "${statement}" 2>&1 || true`);
}

async function leader(): Promise<string> {
  const rows = await onHost(lab, 'v1', 'timeout 20 care-patronictl list -f tsv');
  return rows.split('\n').map((line) => line.split('\t')).find((fields) => fields.includes('Leader'))?.[1] ?? '';
}

/** Statements as the superuser, on the leader unless said otherwise. */
async function sql(statements: string, on?: string): Promise<string> {
  return onHost(lab, on ?? await leader(), `cd / && runuser -u postgres -- psql -XqAt -v ON_ERROR_STOP=1 -d care <<'CARE_SQL'\n${statements}\nCARE_SQL\n`);
}

const logins = (on?: string): Promise<string> => sql("SELECT coalesce(string_agg(rolname, ' ' ORDER BY rolname), '') FROM pg_roles WHERE rolname LIKE 'v-%'", on);
const revoke = (login: Login): Promise<unknown> => at.asOperator((operator, limits) => operator.write('sys/leases/revoke', { lease_id: login.lease_id, sync: true }, limits));

describe.skipIf(!hasOpenBao())('openbao 2.7.2 and a cluster by Patroni (care-provision artifacts fetch openbao)', () => {
  let identity: { role: string; secret: string };

  beforeAll(async () => {
    lab = await labUp({ ...ownLab('vaultdb'), hosts: MEMBERS.map((name) => ({ name, site: 'kochi', release: 'trixie' as const })) });
    at = new VaultLab(lab, labProject({}));
    await at.makePeople();
    writeInventory();
    const made = await run(CLUSTERS);
    expect([troubles(made), made.status]).toEqual(['', 0]);
    const initialised = await at.vault('init', '--yes');
    expect([initialised.status, initialised.stderr]).toEqual([0, expect.stringContaining('has joined') as string]);
    await eventually(async () => (await at.status()).healthy, 60_000, () => 'it is not healthy');
    await onHost(lab, await leader(), `cd /; PGPASSWORD=${passwordOf('migrate')} runuser -u postgres -- psql -Xq -v ON_ERROR_STOP=1 -U care_migrate -d care -c "CREATE TABLE note (t text)" -c "INSERT INTO note VALUES ('of the ward')"`);
  });
  afterAll(async () => {
    at.project.remove();
    await labDown(ownLab('vaultdb'));
  });

  it('the connection and its role are made as predicted; the second time nothing is changed, and verify gets a login and gives it back', async () => {
    const predicted = await run(undefined, { mode: 'check' });
    expect([troubles(predicted), predicted.summary?.total.failed]).toEqual(['', 0]);
    const made = await run();
    expect([troubles(made), made.status]).toEqual(['', 0]);
    expect(changes(made)).toEqual(changes(predicted));
    expect(JSON.stringify(made.events)).not.toContain(passwordOf('vault'));
    const again = await run();
    expect([troubles(again), again.status, changes(again)]).toEqual(['', 0, []]);
    const verified = await run(undefined, { mode: 'verify' });
    expect([troubles(verified), verified.status, await logins()]).toEqual(['', 0, '']);
    identity = await at.asOperator(async (operator, limits) => {
      const role = z.object({ role_id: z.string() }).parse(await operator.read('auth/approle/role/care/role-id', limits)).role_id;
      const secret = z.object({ secret_id: z.string() }).parse(await operator.write('auth/approle/role/care/secret-id', {}, limits)).secret_id;
      return { role, secret };
    });
  });

  it('who gives logins may do nothing in the database, and pass on what was declared alone', async () => {
    const asVault = (statement: string): Promise<string> => onHost(lab, 'v1', `PGPASSWORD=${passwordOf('vault')} psql -XAtq "host=${MEMBERS.map((m) => at.address(m)).join(',')} target_session_attrs=read-write user=vault dbname=postgres sslmode=verify-full sslrootcert=/etc/care-provision/pki/ca.crt" -c "${statement}" 2>&1 || true`);
    expect(await asVault('CREATE ROLE mallory LOGIN IN ROLE care_rw')).toMatch(/permission denied to grant role .*care_rw/);
    expect(await asVault('ALTER ROLE care_migrate PASSWORD NULL')).toContain('permission denied to alter role');
    expect(await asVault('SET ROLE care_ro')).toContain('permission denied to set role');
  });

  it('a login reads what its role may, through the write endpoint of any host; given back, its session ends and it is refused', async () => {
    const login = await ask('v3', identity);
    for (const host of MEMBERS) expect(await uses(host, login)).toBe('of the ward');
    expect(await uses('v2', login, "INSERT INTO note VALUES ('x')")).toContain('permission denied for table note');
    const sleeping = onHost(lab, 'v1', `PGPASSWORD=${login.data.password} psql -XAtq "host=${at.address(await leader())} user=${login.data.username} dbname=care sslmode=verify-full sslrootcert=/etc/care-provision/pki/ca.crt" -c "SELECT pg_sleep(120)" 2>&1 || true`);
    await eventually(async () => (await sql(`SELECT count(*) FROM pg_stat_activity WHERE usename = '${login.data.username}' AND query LIKE '%pg_sleep%'`)) === '1', 20_000, () => 'the session is not there');
    await revoke(login);
    expect(await sleeping).toMatch(/terminating connection due to administrator command/);
    for (const host of MEMBERS) expect(await uses(host, login)).toMatch(/authentication failed|no such user/);
    expect(await logins()).toBe('');
  });

  it('logins that are in use are nobody’s drift: an apply leaves them, verify passes; one that somebody made by hand is told', async () => {
    const login = await ask('v1', identity);
    const applied = await run(undefined, { extraVars: { postgres_unlisted_logins: 'lock' } });
    expect([troubles(applied), applied.status, changes(applied)]).toEqual(['', 0, []]);
    const verified = await run(undefined, { mode: 'verify' });
    expect([troubles(verified), verified.status]).toEqual(['', 0]);
    expect(await uses('v2', login)).toBe('of the ward');
    await sql('CREATE ROLE "v-by-hand" LOGIN IN ROLE care_ro');
    const found = await run(undefined, { extraVars: { postgres_unlisted_logins: 'lock' } });
    expect(changes(found).map((c) => c.split('|')[1])).toEqual(['member v-by-hand of role care_ro', 'role v-by-hand, which nobody declared so']);
    await sql('DROP ROLE "v-by-hand"');
    await revoke(login);
  });

  it('after another member leads, logins of before hold, new ones are given, and both are taken back on all members', async () => {
    const before = await ask('v2', identity);
    const old = await leader();
    const to = MEMBERS.find((m) => m !== old) ?? '';
    await onHost(lab, old, `care-patronictl switchover care --leader ${old} --candidate ${to} --force`);
    await eventually(async () => (await leader()) === to, 60_000, () => `${to} does not lead`);
    await eventually(async () => (await uses('v1', before)) === 'of the ward', 30_000, () => 'the login of before does not hold');
    const after = await ask('v2', identity);
    expect(await uses('v3', after)).toBe('of the ward');
    await revoke(before);
    await revoke(after);
    for (const login of [before, after]) expect(await uses('v1', login)).toMatch(/authentication failed|no such user/);
    for (const host of MEMBERS) await eventually(async () => (await logins(host)) === '', 20_000, () => `${host} still has logins`);
    const verified = await run(undefined, { mode: 'verify' });
    expect([troubles(verified), verified.status]).toEqual(['', 0]);
  });
});

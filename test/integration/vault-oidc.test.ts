/** People who log in to OpenBao through an OpenID provider, by what role vault_data declares: both real, on the loopback, with TLS. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Secret } from '../../src/support/secret.ts';
import { readAuthority } from '../../src/support/x509/authority.ts';
import { testProject, type Result, type TestProject } from '../unit/run/support.ts';
import { startIdentityProvider, type IdentityProvider } from './support/identity-provider.ts';
import { hasOpenBao, LIMITS, startOpenBao, type OpenBao } from './support/openbao.ts';

const PLAYBOOK = path.join(import.meta.dirname, '..', '..', 'playbooks', 'vault-data.yml');
const BACK = 'https://vault.care.test:8200/ui/vault/auth/oidc/oidc/callback';
const Started = z.object({ auth_url: z.string() });
const Token = z.object({ auth: z.object({ client_token: z.string(), policies: z.array(z.string()), metadata: z.object({ role: z.string() }) }) });

let bao: OpenBao;
let sso: IdentityProvider;
let project: TestProject;

const errors = (result: Result): readonly string[] => result.events.flatMap((e) => (e.type === 'task' && e.status === 'failed' ? [`${e.task}: ${e.error ?? ''}`] : []));

/** Declares the method with what is different from what is right, and applies it. */
async function declared(secret: string, role: Readonly<Record<string, unknown>> = {}): Promise<Result> {
  const ca = readAuthority(readFileSync(bao.authorityFile, 'utf8')).current.certificate.pem;
  const vars = {
    ansible_connection: 'local', vault_data_url: bao.url, vault_data_authority: bao.authorityFile, vault_data_operator_authority: bao.operatorFile,
    vault_policies: [{ name: 'staff', rules: 'path "kv/data/staff/*" {\n  capabilities = ["read"]\n}\n' }],
    vault_mounts: [{ path: 'kv', type: 'kv', version: 2 }],
    vault_kv_entries: [{ mount: 'kv', path: 'staff/note', data: { value: 'for staff' } }],
    vault_auth_methods: [{
      path: 'oidc', type: 'oidc',
      config: { oidc_discovery_url: sso.url, oidc_discovery_ca_pem: ca, oidc_client_id: sso.client.id, default_role: 'staff' },
      secrets: { oidc_client_secret: `{{ secret "${secret}" }}` },
      roles: { staff: { role_type: 'oidc', user_claim: 'sub', allowed_redirect_uris: [BACK], bound_claims: { department: 'wards' }, token_policies: ['staff'], token_ttl: '10m', ...role } },
    }],
  };
  project.write('inventory.yml', JSON.stringify({ all: { vars, children: { vault: { hosts: { one: null } } } } }));
  return project.run({ playbooks: [PLAYBOOK], diff: true });
}

/** What somebody gets who comes through the provider: the note, or the words of who refuses. */
async function login(person: string, back = BACK): Promise<unknown> {
  const anybody = bao.client({ type: 'none' });
  try {
    const nonce = randomBytes(16).toString('hex');
    const { auth_url: address } = Started.parse(await anybody.write('auth/oidc/oidc/auth_url', { role: 'staff', redirect_uri: back, client_nonce: nonce }, LIMITS));
    if (address === '') return 'no address';
    const sent = await sso.logIn(address, person, back);
    if (typeof sent === 'string') return sent;
    const answer = await bao.text(`auth/oidc/oidc/callback?${new URLSearchParams({ state: sent.searchParams.get('state') ?? '', code: sent.searchParams.get('code') ?? '', client_nonce: nonce }).toString()}`);
    const token = Token.safeParse(JSON.parse(answer));
    if (!token.success) return answer;
    const staff = bao.client({ type: 'token', token: new Secret(token.data.auth.client_token) });
    try {
      return { policies: token.data.auth.policies, note: (await staff.read('kv/data/staff/note', LIMITS))?.['data'], other: await staff.read('sys/mounts', LIMITS).catch((error: unknown) => String(error)) };
    } finally {
      await staff.close();
    }
  } catch (error) {
    return error instanceof Error ? error.message : error;
  } finally {
    await anybody.close();
  }
}

describe.skipIf(!hasOpenBao())('openbao 2.7.2 (care-provision artifacts fetch openbao)', () => {
  beforeAll(async () => {
    bao = await startOpenBao();
    sso = await startIdentityProvider({ authority: readAuthority(readFileSync(bao.authorityFile, 'utf8')), back: BACK, departments: { asha: 'wards', binu: 'garden' } });
    project = testProject({});
  });
  afterAll(async () => {
    project.remove();
    await sso.stop();
    await bao.stop();
  });

  it('people of the declared claim get in, and may do what the role says and no more; a second apply changes nothing', async () => {
    const made = await declared(sso.client.secret);
    expect([errors(made), made.status]).toEqual([[], 0]);
    expect(JSON.stringify(made.events)).not.toContain(sso.client.secret);
    const again = await project.run({ playbooks: [PLAYBOOK] });
    expect([errors(again), again.status, again.changes]).toEqual([[], 0, []]);
    expect(await login('asha')).toMatchObject({ policies: ['default', 'staff'], note: { value: 'for staff' }, other: expect.stringContaining('permission denied') as string });
  });

  it('others do not: another claim, another way back, a client secret that the provider does not know', async () => {
    expect(await login('binu')).toMatch(/claim .*department.* does not match/);
    expect(await login('chitra')).toMatch(/claim .*department.* is missing/);
    expect(await login('asha', 'https://elsewhere.test/callback')).toMatch(/no address|unauthorized redirect_uri/i);
    // A changed secret alone is not seen, as the role says: it goes with another change.
    const wrong = await declared('not-the-secret-of-the-client', { token_ttl: '20m' });
    expect(errors(wrong)).toEqual([]);
    await bao.root.write('auth/oidc/config', { oidc_discovery_url: sso.url, oidc_discovery_ca_pem: readAuthority(readFileSync(bao.authorityFile, 'utf8')).current.certificate.pem, oidc_client_id: sso.client.id, oidc_client_secret: 'not-the-secret-of-the-client', default_role: 'staff' }, LIMITS);
    expect(await login('asha')).toMatch(/invalid_client/);
  });

  it('a provider with a certificate of another CA is refused before anybody depends on it', async () => {
    project.write('extra.yml', JSON.stringify([{ hosts: 'vault', gather_facts: false, tasks: [{ vault_auth: { path: 'other', type: 'oidc', url: bao.url, authority: bao.authorityFile, operator_authority: bao.operatorFile } }, { vault_write: { path: 'auth/other/config', data: { oidc_discovery_url: sso.url, oidc_client_id: 'vault' }, secrets: { oidc_client_secret: '{{ secret "of-the-other-method" }}' }, url: bao.url, authority: bao.authorityFile, operator_authority: bao.operatorFile } }] }]));
    const refused = await project.run({ playbooks: [path.join(project.dir, 'extra.yml')] });
    expect([refused.status, errors(refused).join()]).toEqual([3, expect.stringMatching(/auth\/other\/config.*certificate signed by unknown authority/) as string]);
  });
});

/** The modules about what OpenBao holds, against the real program on this machine; without it in the artefact cache these are skipped. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCertificates } from '../../src/support/x509/inspect.ts';
import { testProject, type Result, type TestProject } from '../unit/run/support.ts';
import { hasOpenBao, LIMITS, startOpenBao, type OpenBao } from './support/openbao.ts';

let bao: OpenBao;
let project: TestProject;

const text = (result: Result): string => JSON.stringify(result.events);
const errors = (result: Result): readonly string[] => result.events.flatMap((e) => (e.type === 'task' && e.status === 'failed' ? [`${e.task}: ${e.error ?? ''}`] : []));

/** Tasks with the login put in. */
function play(...tasks: readonly (readonly [string, string, object])[]): string {
  return JSON.stringify([{ hosts: 'one', gather_facts: false, tasks: tasks.map(([name, module, args]) => ({ name, [module]: { ...args, url: bao.url, authority: bao.authorityFile, operator_authority: bao.operatorFile } })) }]);
}

async function predictedThenMadeThenQuiet(book: string, resources: readonly string[]): Promise<Result> {
  project.write('playbook.yml', book);
  const checked = await project.run({ mode: 'check', diff: true });
  expect([errors(checked), checked.changes]).toEqual([[], resources.map((r) => `one|${r}`).sort()]);
  const made = await project.run({ diff: true });
  expect([errors(made), made.status, made.changes]).toEqual([[], 0, checked.changes]);
  const again = await project.run();
  expect([errors(again), again.status, again.changes]).toEqual([[], 0, []]);
  return made;
}

async function refused(book: string): Promise<string> {
  project.write('playbook.yml', book);
  const result = await project.run();
  expect(result.status).toBe(3);
  return errors(result).join('\n');
}

describe.skipIf(!hasOpenBao())('openbao 2.7.2 (care-provision artifacts fetch openbao)', () => {
  beforeAll(async () => {
    bao = await startOpenBao();
    project = testProject({});
  });
  afterAll(async () => {
    project.remove();
    await bao.stop();
  });

  it('policies: made as predicted, found when changed by hand, mended, removed', async () => {
    const rules = 'path "secret/data/care/*" {\n  capabilities = ["read"]\n}\n';
    const book = play(['policy', 'vault_policy', { name: 'care', rules }]);
    await predictedThenMadeThenQuiet(book, ['vault policy care']);
    await bao.root.write('sys/policies/acl/care', { policy: 'path "*" { capabilities = ["sudo"] }' }, LIMITS);
    const drifted = await project.run({ mode: 'check', diff: true });
    expect(text(drifted)).toContain('sudo');
    expect((await project.run()).changes).toEqual(['one|vault policy care']);
    expect((await bao.root.read('sys/policies/acl/care', LIMITS))?.['policy']).toBe(rules);
    await predictedThenMadeThenQuiet(play(['gone', 'vault_policy', { name: 'care', state: 'absent' }]), ['vault policy care']);
    expect(await refused(play(['own', 'vault_policy', { name: 'root', rules: 'x' }]))).toContain("the server's own");
    expect(await refused(play(['bad', 'vault_policy', { name: 'bad', rules: 'path {' }]))).toContain('sys/policies/acl/bad');
  });

  it('engines and methods: tuned as the server means it; another type or version is refused, and so is removing one unasked', async () => {
    const book = play(
      ['kv', 'vault_mount', { path: 'secret', type: 'kv', version: 2, description: 'entries' }],
      ['pki', 'vault_mount', { path: 'pki', type: 'pki', max_lease_ttl: '8760h', default_lease_ttl: 3600 }],
      ['approle', 'vault_auth', { path: 'approle', type: 'approle', description: 'machines', max_lease_ttl: '12h' }],
    );
    await predictedThenMadeThenQuiet(book, ['vault engine secret', 'vault engine pki', 'vault auth method approle']);
    await predictedThenMadeThenQuiet(play(['pki', 'vault_mount', { path: 'pki', type: 'pki', max_lease_ttl: '17520h' }]), ['vault engine pki']);
    expect(await refused(play(['other', 'vault_mount', { path: 'pki', type: 'kv' }]))).toContain('is of type pki, not kv');
    expect(await refused(play(['version', 'vault_mount', { path: 'secret', type: 'kv', version: 1 }]))).toContain('is there with version');
    expect(await refused(play(['lost', 'vault_mount', { path: 'secret', state: 'absent' }]))).toContain('would be lost');
    await predictedThenMadeThenQuiet(play(['gone', 'vault_auth', { path: 'approle', state: 'absent', confirm: 'approle' }]), ['vault auth method approle']);
    await predictedThenMadeThenQuiet(play(['approle', 'vault_auth', { path: 'approle', type: 'approle' }]), ['vault auth method approle']);
  });

  it('roles and configurations: compared by what they mean; what is never told is written once and shown nowhere', async () => {
    const role = { token_policies: ['b', 'a'], token_ttl: '1h', secret_id_num_uses: 3, token_bound_cidrs: [] };
    const book = play(
      ['role', 'vault_write', { path: 'auth/approle/role/care', data: role }],
      ['cert method', 'vault_auth', { path: 'jwt', type: 'jwt' }],
    );
    await predictedThenMadeThenQuiet(book, ['vault auth/approle/role/care', 'vault auth method jwt']);
    await bao.root.write('auth/approle/role/care', { token_ttl: '2h', token_policies: 'a,b,root-ish' }, LIMITS);
    const mended = await project.run({ diff: true });
    expect([mended.changes, text(mended)]).toEqual([['one|vault auth/approle/role/care'], expect.stringContaining('token_policies, token_ttl')]);
    expect(await refused(play(['no', 'vault_write', { path: 'nowhere/x', data: { a: 1 } }]))).toMatch(/no handler for route|nowhere/);
  });

  it('entries are seeded once, kept where that is wished, and never shown', async () => {
    const entry = { path: 'care/db', data: { password: '{{ secret "a-password-of-this-test" }}', user: 'care' } };
    const made = await predictedThenMadeThenQuiet(play(['entry', 'vault_kv', entry]), ['vault entry secret/care/db']);
    expect(text(made)).not.toContain('a-password-of-this-test');
    const read = async (): Promise<unknown> => (await bao.root.read('secret/data/care/db', LIMITS))?.['data'];
    expect(await read()).toEqual({ password: 'a-password-of-this-test', user: 'care' });
    await bao.root.write('secret/data/care/db', { data: { password: 'rotated-by-somebody', user: 'care', more: 'kept' } }, LIMITS);
    expect((await project.run()).changes).toEqual([]);
    await predictedThenMadeThenQuiet(play(['entry', 'vault_kv', { ...entry, update: 'always' }]), ['vault entry secret/care/db']);
    expect(await read()).toEqual({ password: 'a-password-of-this-test', user: 'care', more: 'kept' });
    // Deleted by somebody: it is written behind the last version, and nothing of what was there comes back by itself.
    await bao.root.remove('secret/data/care/db', LIMITS);
    await predictedThenMadeThenQuiet(play(['entry', 'vault_kv', entry]), ['vault entry secret/care/db']);
    expect(await read()).toEqual({ password: 'a-password-of-this-test', user: 'care' });
  });

  it('an intermediate CA is signed by the site CA, issues by a role, and is made anew when it is another’s', async () => {
    const book = play(
      ['ca', 'vault_pki_intermediate', { mount: 'pki', common_name: 'Care applications CA', signed_by: bao.authorityFile }],
      ['role', 'vault_write', { path: 'pki/roles/web', data: { allowed_domains: ['care.test'], allow_subdomains: true, max_ttl: '720h' } }],
    );
    await predictedThenMadeThenQuiet(book, ['vault CA pki', 'vault pki/roles/web']);
    const issued = await bao.root.write('pki/issue/web', { common_name: 'app.care.test', ttl: '1h' }, LIMITS);
    const [leaf] = readCertificates(String(issued['certificate']));
    const [ca] = readCertificates(String(issued['issuing_ca']));
    expect([leaf?.issuer, ca?.issuer]).toEqual(['CN=Care applications CA', 'CN=servers']);
    if (leaf === undefined || ca === undefined) throw new Error('nothing issued');
    expect(leaf.signedBy(ca)).toBe(true);
    await predictedThenMadeThenQuiet(play(['ca', 'vault_pki_intermediate', { mount: 'pki', common_name: 'Care applications CA 2', signed_by: bao.authorityFile }]), ['vault CA pki']);
    // What a try that was cut off has left is cleared away by the next one; no key is there that nobody uses.
    await bao.root.write('pki/intermediate/generate/internal', { common_name: 'left', key_name: 'care-pending', key_type: 'ec', key_bits: 256 }, LIMITS);
    expect(await bao.root.list('pki/keys', LIMITS)).toHaveLength(3);
    await predictedThenMadeThenQuiet(play(['ca', 'vault_pki_intermediate', { mount: 'pki', common_name: 'Care applications CA 3', signed_by: bao.authorityFile }]), ['vault CA pki']);
    expect(await bao.root.list('pki/keys', LIMITS)).toHaveLength(3);
    // A default issuer without a key signs nothing: another one is made.
    const issuers = await bao.root.list('pki/issuers', LIMITS);
    const roots = (await Promise.all(issuers.map(async (id) => [id, (await bao.root.read(`pki/issuer/${id}`, LIMITS))?.['key_id']] as const))).filter(([, key]) => key === '');
    await bao.root.write('pki/config/issuers', { default: roots[0]?.[0] ?? '' }, LIMITS);
    await predictedThenMadeThenQuiet(play(['ca', 'vault_pki_intermediate', { mount: 'pki', common_name: 'Care applications CA 3', signed_by: bao.authorityFile }]), ['vault CA pki']);
  });

  it('keys of transit engines are made once, tuned, and never changed into others', async () => {
    await predictedThenMadeThenQuiet(play(['engine', 'vault_mount', { path: 'transit', type: 'transit' }], ['key', 'vault_transit_key', { name: 'care', auto_rotate_period: '720h' }]), ['vault engine transit', 'vault key transit/care']);
    const sealed = await bao.root.write('transit/encrypt/care', { plaintext: Buffer.from('hello').toString('base64') }, LIMITS);
    expect(String(sealed['ciphertext'])).toMatch(/^vault:v1:/);
    await predictedThenMadeThenQuiet(play(['key', 'vault_transit_key', { name: 'care', auto_rotate_period: '360h' }]), ['vault key transit/care']);
    expect(await refused(play(['key', 'vault_transit_key', { name: 'care', type: 'rsa-4096' }]))).toContain("can't be changed");
  });

  it('role vault_data makes what is declared as predicted, changes nothing the second time, and verifies it', async () => {
    const certificate = readFileSync(bao.authorityFile, 'utf8').split('-----BEGIN PRIVATE KEY')[0] ?? '';
    const vars = {
      ansible_connection: 'local', vault_data_url: bao.url, vault_data_authority: bao.authorityFile, vault_data_operator_authority: bao.operatorFile, vault_pki_authority: bao.authorityFile,
      vault_policies: [{ name: 'staff', rules: 'path "kv/data/*" {\n  capabilities = ["read"]\n}\n' }],
      vault_mounts: [{ path: 'kv', type: 'kv', version: 2 }, { path: 'ca', type: 'pki', max_lease_ttl: '8760h', description: 'for applications' }, { path: 'keys', type: 'transit' }],
      vault_auth_methods: [
        { path: 'machines', type: 'approle', max_lease_ttl: '12h', roles: { care: { token_policies: ['staff'], token_ttl: '1h' } } },
        { path: 'pods', type: 'kubernetes', config: { kubernetes_host: 'https://127.0.0.1:6443', disable_iss_validation: true, disable_local_ca_jwt: true, kubernetes_ca_cert: certificate }, secrets: { token_reviewer_jwt: '{{ secret "a-reviewer-token-of-the-test" }}' }, roles: { care: { bound_service_account_names: ['care'], bound_service_account_namespaces: ['care'], token_policies: ['staff'] } } },
        { path: 'hosts', type: 'cert', roles: { web: { certificate, token_policies: ['staff'] } } },
      ],
      vault_pki_mounts: [{ mount: 'ca', common_name: 'Applications CA of the role', urls: { crl_distribution_points: ['https://pki.care.test/crl'] }, roles: { web: { allowed_domains: ['care.test'], allow_subdomains: true, max_ttl: '720h' } } }],
      vault_transit_keys: [{ mount: 'keys', name: 'notes', auto_rotate_period: '720h' }],
      vault_kv_entries: [{ mount: 'kv', path: 'mail', data: { password: '{{ secret "a-seeded-password-of-the-role" }}' } }],
      vault_writes: [{ path: 'kv/config', data: { max_versions: 5 } }],
    };
    project.write('inventory.yml', JSON.stringify({ all: { vars, children: { vault: { hosts: { one: null } } } } }));
    const playbooks = [path.join(import.meta.dirname, '..', '..', 'playbooks', 'vault-data.yml')];
    const checked = await project.run({ mode: 'check', playbooks });
    expect(errors(checked)).toEqual([]);
    const made = await project.run({ playbooks });
    expect([errors(made), made.status, made.changes]).toEqual([[], 0, checked.changes]);
    expect(made.changes).toEqual(expect.arrayContaining(['one|vault CA ca', 'one|vault auth method pods', 'one|vault auth/hosts/certs/web', 'one|vault auth/machines/role/care', 'one|vault auth/pods/config', 'one|vault ca/roles/web', 'one|vault engine kv', 'one|vault entry kv/mail', 'one|vault key keys/notes', 'one|vault kv/config', 'one|vault policy staff']));
    expect(text(made)).not.toMatch(/a-seeded-password|a-reviewer-token/);
    const again = await project.run({ playbooks });
    expect([errors(again), again.status, again.changes]).toEqual([[], 0, []]);
    const verified = await project.run({ mode: 'verify', playbooks });
    expect([errors(verified), verified.status]).toEqual([[], 0]);
    await bao.root.remove('sys/policies/acl/staff', LIMITS);
    expect(errors(await project.run({ mode: 'verify', playbooks })).join()).toContain('is missing');
    project.write('inventory.yml', 'all: { vars: { ansible_connection: local }, hosts: { one: } }');
  });

  it('whoever has no certificate of the operators’ CA, or a wrong token, is told what to do', async () => {
    project.write('playbook.yml', JSON.stringify([{ hosts: 'one', gather_facts: false, tasks: [{ name: 'p', vault_policy: { name: 'x', rules: 'path "x" {}', url: bao.url, authority: bao.authorityFile, operator_authority: bao.authorityFile } }] }]));
    expect(errors(await project.run()).join()).toContain('log in at auth/care');
    project.write('playbook.yml', JSON.stringify([{ hosts: 'one', gather_facts: false, tasks: [{ name: 'p', vault_policy: { name: 'x', rules: 'path "x" {}', url: bao.url, authority: bao.authorityFile, token: '{{ secret "s.no-such-token-of-the-test" }}' } }] }]));
    const wrong = await project.run();
    expect(errors(wrong).join()).toContain('permission denied');
    expect(text(wrong)).not.toContain('no-such-token');
  });

  it('an inventory may refer to a value: it is had once a run, masked, and what is missing is told at its place before any host is touched', async () => {
    await bao.root.write('auth/approle/role/care', { secret_id_num_uses: 0 }, LIMITS);
    const approle = await bao.root.read('auth/approle/role/care/role-id', LIMITS);
    const { secret_id } = await bao.root.write('auth/approle/role/care/secret-id', {}, LIMITS);
    await bao.root.write('sys/policies/acl/a', { policy: 'path "secret/data/care/*" { capabilities = ["read"] }' }, LIMITS);
    await bao.root.write('secret/data/care/mail', { data: { password: 'a-mail-password-of-the-test', port: 587 } }, LIMITS);
    const inventory = (reference: string, url = bao.url): string => `all:
  vars:
    ansible_connection: local
    work: "@DIR@/work"
    care_vault: { url: "${url}", ca: "${bao.authorityFile}", role_id: "${String(approle?.['role_id'])}", secret_id: '{{ secret "${String(secret_id)}" }}' }
    mail_password: !secret ${reference}
    mail_port: !secret vault:secret/data/care/mail#port
  hosts:
    one:
`;
    project.write('inventory.yml', inventory('vault:secret/data/care/mail#password'));
    project.write('playbook.yml', JSON.stringify([{ hosts: 'one', gather_facts: false, tasks: [{ name: 'file', copy: { content: '{{ mail_password }}:{{ mail_port }}\n', dest: '{{ work }}/mail', mode: '0600' } }, { name: 'say', debug: { msg: 'it is {{ mail_password }}' } }] }]));
    const checked = await project.run({ mode: 'check', diff: true });
    expect([errors(checked), checked.changes]).toEqual([[], ['one|file /work/mail']]);
    const made = await project.run({ diff: true });
    expect([made.status, readFileSync(`${project.dir}/work/mail`, 'utf8')]).toEqual([0, 'a-mail-password-of-the-test:587\n']);
    expect(text(made) + text(checked)).not.toContain('a-mail-password');
    expect((await project.run()).changes).toEqual([]);
    // In templates: a file, an argument, a variable of the inventory.
    project.write('inventory.yml', `${inventory('vault:secret/data/care/mail#password')}      more: 'of {{ vault "secret/data/care/mail#port" }}'\n`);
    project.write('templates/mail.hbs', '{{#each (list 1 2)}}{{ this }} {{ vault "secret/data/care/mail#password" }}\n{{/each}}');
    project.write('playbook.yml', JSON.stringify([{ hosts: 'one', gather_facts: false, tasks: [{ name: 'template', template: { src: 'mail.hbs', dest: '{{ work }}/mail.conf', mode: '0600' } }, { name: 'say', debug: { msg: "{{ vault 'secret/data/care/mail#password' }} {{ more }}" } }] }]));
    const predicted = await project.run({ mode: 'check', diff: true });
    expect([errors(predicted), predicted.changes]).toEqual([[], ['one|file /work/mail.conf']]);
    const rendered = await project.run({ diff: true });
    expect([errors(rendered), readFileSync(`${project.dir}/work/mail.conf`, 'utf8')]).toEqual([[], '1 a-mail-password-of-the-test\n2 a-mail-password-of-the-test\n']);
    expect(text(predicted) + text(rendered)).not.toMatch(/a-mail-password|of 587/);
    project.write('templates/mail.hbs', 'x\n{{ vault "secret/data/care/mail#nothing" }}');
    await expect(project.run()).rejects.toMatchObject({ code: 'vault-value-missing', span: expect.objectContaining({ file: expect.objectContaining({ path: expect.stringContaining('mail.hbs') as string }) as object, start: 2 }) as object });
    project.write('templates/mail.hbs', '{{ vault work }}');
    await expect(project.run()).rejects.toMatchObject({ list: [{ code: 'helper-arguments', message: expect.stringContaining('must be written out') as string }] });
    // Which file it is, is only known when the task is reached: then the value is not at hand, and is not taken for empty.
    project.write('templates/mail.hbs', '{{ vault "secret/data/care/db#user" }}');
    project.write('playbook.yml', JSON.stringify([{ hosts: 'one', gather_facts: false, vars: { file: 'mail' }, tasks: [{ name: 'template', template: { src: '{{ file }}.hbs', dest: '{{ work }}/other', mode: '0600' } }] }]));
    expect(errors(await project.run()).join()).toContain('which was not asked for it');
    project.write('inventory.yml', inventory('vault:secret/data/care/mail#pasword'));
    await expect(project.run()).rejects.toMatchObject({ code: 'vault-value-missing', message: expect.stringContaining('has no key pasword') as string, span: expect.objectContaining({ start: expect.any(Number) as number }) as object });
    project.write('inventory.yml', inventory('vault:secret/data/care/nothing#x'));
    await expect(project.run()).rejects.toMatchObject({ code: 'vault-value-missing', message: expect.stringContaining('nothing at secret/data/care/nothing') as string });
    project.write('inventory.yml', inventory('vault:secret/data/other/x#x'));
    await expect(project.run()).rejects.toMatchObject({ code: 'vault-value-refused', message: expect.stringContaining('permission denied') as string });
    project.write('inventory.yml', inventory('vault:secret/data/care/mail#password', 'https://127.0.0.1:9'));
    await expect(project.run()).rejects.toMatchObject({ list: [{ code: 'vault-value-refused' }, { code: 'vault-value-refused' }] });
    project.write('inventory.yml', inventory('vault:secret#'));
    await expect(project.run()).rejects.toMatchObject({ code: 'bad-vault-reference' });
    project.write('playbook.yml', '- { hosts: one, gather_facts: false, tasks: [{ debug: { msg: hello } }] }');
    project.write('inventory.yml', 'all: { vars: { ansible_connection: local, x: !secret "vault:a/b#c" }, hosts: { one: } }');
    await expect(project.run()).rejects.toMatchObject({ code: 'no-vault-source' });
  });

  it('looking changes nothing and tells what is mounted', async () => {
    project.write('inventory.yml', 'all: { vars: { ansible_connection: local }, hosts: { one: } }');
    project.write('playbook.yml', play(['look', 'vault_info', {}]));
    const looked = await project.run({ mode: 'check' });
    expect([errors(looked), looked.changes]).toEqual([[], []]);
  });
});

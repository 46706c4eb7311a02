/** OpenBao with a seal of its own: declared data, a member lost, all rebooted, audit devices blocked. Four to seven minutes. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labDown, labUp } from '../../src/lab/index.ts';
import { labPower } from '../../src/lab/power.ts';
import { eventually, labProject, onHost, troubleOf } from '../integration/support/lab-project.ts';
import { ownLab } from '../integration/support/lab.ts';
import type { Result } from '../unit/run/support.ts';
import { changes, hasOpenBao, MEMBERS, PLAIN_PLAYBOOKS, VaultLab } from './support/vault-lab.ts';

let at: VaultLab;
const troubles = (result: Result): string => MEMBERS.map((name) => troubleOf(result, name)).join('');
const run = (more: Parameters<VaultLab['run']>[0] = {}): Promise<Result> => at.run({ playbooks: PLAIN_PLAYBOOKS, ...more });

const DATA = {
  pki_authority_path_length: 1,
  vault_policies: [{ name: 'care', rules: 'path "secret/data/care/*" {\n  capabilities = ["read"]\n}\n' }],
  vault_mounts: [{ path: 'secret', type: 'kv', version: 2 }, { path: 'pki', type: 'pki', max_lease_ttl: '8760h' }, { path: 'transit', type: 'transit' }],
  vault_auth_methods: [{ path: 'approle', type: 'approle', roles: { care: { token_policies: ['care'], token_ttl: '1h' } } }],
  vault_pki_mounts: [{ mount: 'pki', common_name: 'Care applications CA', roles: { web: { allowed_domains: ['care.test'], allow_subdomains: true, max_ttl: '720h' } } }],
  vault_transit_keys: [{ name: 'care', auto_rotate_period: '720h' }],
  vault_kv_entries: [{ path: 'care/mail', data: { password: '{{ secret "a-seeded-password-of-the-drill" }}' } }],
};

/** As a member's own client, on a host: writes, and tells the HTTP status and the milliseconds that it took. */
async function write(host: string): Promise<{ readonly status: string; readonly ms: number }> {
  const url = `https://${at.address(host)}:8200/v1`;
  const out = await onHost(at.lab, host, `cd /etc/care-vault/pki; start=$(date +%s%N); token=$(curl -s -m 10 --cacert ca.crt --cert member.crt --key member.key -X POST -d '{"name":"member"}' ${url}/auth/care/login | sed -n 's/.*"client_token":"\\([^"]*\\)".*/\\1/p'); curl -s -m 10 -o /dev/null -w '%{http_code}' --cacert ca.crt -H "X-Vault-Token: $token" -X POST -d '{"v":"x"}' ${url}/care-verify/drill || true; echo " $(( ($(date +%s%N) - start) / 1000000 ))"`);
  const [status = '', ms = ''] = out.split(' ');
  return { status, ms: Number(ms) };
}

describe.skipIf(!hasOpenBao())('openbao 2.7.2 with a static seal (care-provision artifacts fetch openbao)', () => {
  beforeAll(async () => {
    const lab = await labUp({ ...ownLab('vaultdata'), hosts: MEMBERS.map((name) => ({ name, site: 'kochi', release: 'trixie' as const })) });
    at = new VaultLab(lab, labProject({}));
    await at.makePeople();
    at.writeInventory({ base_firewall: false, vault_seal: 'static', vault_seal_key: `{{ secret "${randomBytes(32).toString('base64')}" }}`, ...DATA });
    const made = await run({ playbooks: PLAIN_PLAYBOOKS.slice(0, 2) });
    expect([troubles(made), made.status]).toEqual(['', 0]);
    const initialised = await at.vault('init', '--yes');
    if (initialised.status !== 0) console.log(initialised.stderr, await onHost(lab, 'v2', 'journalctl -u care-vault -n 30 --no-pager'));
    expect([initialised.status, initialised.stdout]).toEqual([0, expect.stringContaining('initialised')]);
  });
  afterAll(async () => {
    at.project.remove();
    await labDown(ownLab('vaultdata'));
  });

  it('declared data is made as predicted, a second apply changes nothing, drift is found and taken back', async () => {
    // A new member gets its vote after ten steady seconds: until then it is not known whether there is something to note.
    await eventually(async () => (await at.status()).healthy, 60_000, () => 'it is not healthy');
    const predicted = await run({ mode: 'check' });
    expect([troubles(predicted), predicted.summary?.total.failed]).toEqual(['', 0]);
    const made = await run();
    expect([troubles(made), made.status]).toEqual(['', 0]);
    expect(changes(made)).toEqual(changes(predicted));
    expect(changes(made)).toEqual(expect.arrayContaining(['v1|vault CA pki', 'v1|vault engine secret', 'v1|vault entry secret/care/mail', 'v1|vault key transit/care', 'v1|vault policy care']));
    expect(JSON.stringify(made.events)).not.toContain('a-seeded-password');
    const again = await run();
    expect([troubles(again), again.status, changes(again)]).toEqual(['', 0, []]);
    const wider = await run({ mode: 'check', diff: true, extraVars: { vault_policies: [{ name: 'care', rules: 'path "*" { capabilities = ["read"] }' }] } });
    expect(changes(wider)).toEqual(['v1|vault policy care']);
    const verified = await run({ mode: 'verify' });
    expect([troubles(verified), verified.status]).toEqual(['', 0]);
  });

  it('the leader’s power is cut: another leads within 30 s, nothing is lost, and it comes back by itself', async () => {
    const leader = await at.leader();
    const other = MEMBERS.find((m) => m !== leader) ?? '';
    expect((await write(other)).status).toBe('204');
    const power = await labPower(leader, at.address(leader));
    const cut = performance.now();
    await power.cut();
    await eventually(async () => (await write(other)).status === '204', 60_000, () => 'nobody takes writes');
    const gap = Math.round(performance.now() - cut);
    const back = performance.now();
    await power.on();
    await eventually(async () => (await at.vault('status', '--output', 'json')).status === 0, 120_000, () => 'it does not come back');
    console.log(`leader lost: writes again after ${String(gap)} ms; whole again ${String(Math.round(performance.now() - back))} ms after its power was back`);
    expect(gap).toBeLessThan(30_000);
  });

  it('all members lose their power: they open by themselves, with nobody touching them', async () => {
    for (const name of MEMBERS) await (await labPower(name, at.address(name))).cut();
    const on = performance.now();
    for (const name of MEMBERS) await (await labPower(name, at.address(name))).on();
    await eventually(async () => (await at.vault('status', '--output', 'json')).status === 0, 120_000, () => 'they do not open');
    const took = Math.round(performance.now() - on);
    console.log(`all members lost: open and whole ${String(took)} ms after their power was back`);
    expect(took).toBeLessThan(60_000);
    const verified = await run({ mode: 'verify' });
    expect([troubles(verified), verified.status]).toEqual(['', 0]);
  });

  it('one audit device is blocked: requests are served, and verify says that the log is silent; it is mended', async () => {
    const leader = await at.leader();
    // What a full or broken disk does: the file cannot be opened anew.
    await onHost(at.lab, leader, 'mv /var/log/care-vault/audit.log /var/log/care-vault/audit.kept; mkdir /var/log/care-vault/audit.log; systemctl reload care-vault; sleep 1');
    expect((await write(leader)).status).toBe('204');
    expect(await onHost(at.lab, leader, 'journalctl -n 500 --no-pager | grep -c "care-vault-audit.*care-verify/drill" || true')).not.toBe('0');
    expect(troubles(await run({ mode: 'verify' }))).toMatch(/audit\.log/);
    await onHost(at.lab, leader, 'rmdir /var/log/care-vault/audit.log; mv /var/log/care-vault/audit.kept /var/log/care-vault/audit.log; systemctl reload care-vault; sleep 1');
    const verified = await run({ mode: 'verify' });
    expect([troubles(verified), verified.status]).toEqual(['', 0]);
  });

  it('the only audit device is blocked: nothing is served unseen, and nothing is lost', async () => {
    const alone = { vault_audit_syslog: false };
    const changed = await run({ extraVars: alone });
    expect([troubles(changed), changed.status]).toEqual(['', 0]);
    const leader = await at.leader();
    await onHost(at.lab, leader, 'mv /var/log/care-vault/audit.log /var/log/care-vault/audit.kept; mkdir /var/log/care-vault/audit.log; systemctl reload care-vault; sleep 1');
    expect((await write(leader)).status).not.toBe('204');
    await onHost(at.lab, leader, 'rmdir /var/log/care-vault/audit.log; mv /var/log/care-vault/audit.kept /var/log/care-vault/audit.log; systemctl reload care-vault; sleep 1');
    await eventually(async () => (await write(leader)).status === '204', 30_000, () => 'it does not serve again');
    const back = await run();
    expect([troubles(back), back.status]).toEqual(['', 0]);
  });
});

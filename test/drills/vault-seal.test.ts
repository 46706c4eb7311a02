/**
 * A cluster whose seal is a key of another one (`vault_seal: transit`), both made by role vault, each of three hosts with a CA of its own: made,
 * power lost, the other cluster away, a changed setting, the key rotated. Six hosts, about ten minutes.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labDown, labUp } from '../../src/lab/index.ts';
import { labPower } from '../../src/lab/power.ts';
import { eventually, labProject, onHost, troubleOf, type LabProject } from '../integration/support/lab-project.ts';
import { ownLab } from '../integration/support/lab.ts';
import type { Result } from '../unit/run/support.ts';
import { changes, hasOpenBao, PLAIN_PLAYBOOKS, VaultLab } from './support/vault-lab.ts';

/** The cluster that has the key, and the one that is opened by it. */
const KEEPERS = ['k1', 'k2', 'k3'] as const;
const MEMBERS = ['v1', 'v2', 'v3'] as const;
const [PKI = '', VAULT = '', DATA = ''] = PLAIN_PLAYBOOKS;
const CA = '/etc/care-provision/keeper-ca.crt';

let keeper: VaultLab;
let at: VaultLab;
let token = '';
const projects: LabProject[] = [];

const troubles = (result: Result): string => [...KEEPERS, ...MEMBERS].map((name) => troubleOf(result, name)).join('');
const run = (more: Parameters<VaultLab['run']>[0] = {}): Promise<Result> => at.run({ playbooks: [PKI, path.join(at.project.dir, 'trust.yml'), VAULT], ...more });
const whole = (lab: VaultLab, milliseconds = 60_000): Promise<void> => eventually(async () => (await lab.vault('status', '--output', 'json')).status === 0, milliseconds, () => 'it is not healthy');
const everyKeeper = async (what: string): Promise<void> => { for (const name of KEEPERS) await onHost(keeper.lab, name, `systemctl ${what} care-vault`); };

async function succeeded(running: Promise<Result>): Promise<Result> {
  const result = await running;
  expect([troubles(result), result.status]).toEqual(['', 0]);
  return result;
}

async function initialised(lab: VaultLab): Promise<void> {
  const made = await lab.vault('init', '--yes');
  expect([made.status, made.stderr]).toEqual([0, expect.stringContaining('has joined') as string]);
  await whole(lab);
}

describe.skipIf(!hasOpenBao())('openbao 2.7.2, twice (care-provision artifacts fetch openbao)', () => {
  beforeAll(async () => {
    const lab = await labUp({ ...ownLab('vaultseal'), hosts: [...KEEPERS.map((name) => ({ name, site: 'delhi', release: 'trixie' as const })), ...MEMBERS.map((name) => ({ name, site: 'kochi', release: 'trixie' as const }))] });
    keeper = new VaultLab(lab, labProject({}), KEEPERS);
    projects.push(keeper.project);
    await keeper.makePeople();
    keeper.writeInventory({
      base_firewall: false, vault_seal: 'static', vault_seal_key: `{{ secret "${randomBytes(32).toString('base64')}" }}`,
      vault_mounts: [{ path: 'transit', type: 'transit' }], vault_transit_keys: [{ name: 'unseal' }],
      vault_policies: [{ name: 'unseal', rules: 'path "transit/encrypt/unseal" {\n  capabilities = ["update"]\n}\npath "transit/decrypt/unseal" {\n  capabilities = ["update"]\n}\n' }],
    }, KEEPERS);
    await succeeded(keeper.run({ playbooks: [PKI, VAULT] }));
    await initialised(keeper);
    await succeeded(keeper.run({ playbooks: [VAULT, DATA] }));
    const none = await keeper.vault('token', '--policy', 'unsael');
    expect([none.status, none.stdout, none.stderr]).toEqual([65, '', expect.stringMatching(/there is no policy unsael[^]*unseal/)]);
    const made = await keeper.vault('token', '--policy', 'unseal');
    expect([made.status, made.stdout]).toEqual([0, expect.stringMatching(/^s\.[A-Za-z0-9]+\n$/)]);
    token = made.stdout.trim();
    const [authority = ''] = readFileSync(path.join(keeper.project.dir, '.care', 'pki', 'authority.pem'), 'utf8').match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----\n/) ?? [];
    at = new VaultLab(lab, labProject({ 'trust.yml': JSON.stringify([{ hosts: 'vault', become: true, gather_facts: false, tasks: [{ name: 'the CA of the other cluster', copy: { dest: CA, content: authority, mode: '0644' } }] }]) }), MEMBERS);
    projects.push(at.project);
    await at.makePeople();
    at.writeInventory({ base_firewall: false, vault_seal: 'transit', vault_transit_address: `https://${keeper.address('k1')}:8200`, vault_transit_key: 'unseal', vault_transit_ca: CA, vault_transit_token: `{{ secret "${token}" }}` }, MEMBERS);
  });
  afterAll(async () => {
    for (const project of projects) project.remove();
    await labDown(ownLab('vaultseal'));
  });

  it('is made by the role; shares are for recovery alone; a second apply changes nothing, and verify passes', async () => {
    const made = await succeeded(run());
    expect(JSON.stringify(made.events)).not.toContain(token);
    await initialised(at);
    const noted = await succeeded(run());
    expect(changes(noted)).toEqual(MEMBERS.map((m) => `${m}|vault member ${m}`));
    expect(changes(await succeeded(run()))).toEqual([]);
    await succeeded(run({ mode: 'verify' }));
    expect(await onHost(at.lab, 'v2', 'stat -c "%a %U" /etc/care-vault/transit.env; grep -c TOKEN /etc/care-vault/vault.hcl || true')).toBe('400 root\n0');
    expect(readFileSync(path.join(at.project.dir, '.care', 'vault', 'care', 'shares.json'), 'utf8')).toContain('"recovery"');
  });

  it('all its members lose their power: they open by the other cluster, with nobody touching them', async () => {
    for (const name of MEMBERS) await (await labPower(name, at.address(name))).cut();
    const on = performance.now();
    for (const name of MEMBERS) await (await labPower(name, at.address(name))).on();
    await whole(at, 120_000);
    const took = Math.round(performance.now() - on);
    console.log(`all members lost: open and whole ${String(took)} ms after their power was back`);
    expect(took).toBeLessThan(60_000);
    await succeeded(run({ mode: 'verify' }));
  });

  it('while the other cluster is away it serves on; a member that starts waits, an apply says so and takes no other one down; then it opens', async () => {
    await everyKeeper('stop');
    const away = MEMBERS.find((m) => m !== 'v1') ?? '';
    await onHost(at.lab, away, 'systemctl restart --no-block care-vault');
    await eventually(async () => (await at.status()).members.some((m) => m.name === away && m.state !== 'active' && m.state !== 'standby'), 30_000, () => 'it opened without the key');
    expect((await at.status()).members.filter((m) => m.state === 'active' || m.state === 'standby')).toHaveLength(2);
    const refused = await run({ extraVars: { vault_lease_ttl_hours: 12, vault_step_timeout: 20 } });
    expect([refused.status, troubles(refused)]).toEqual([3, expect.stringMatching(/does not open by itself|does not answer|is not restarted now|start/) as string]);
    expect((await at.status()).members.filter((m) => m.state === 'active' || m.state === 'standby')).toHaveLength(2);
    await everyKeeper('start');
    await whole(keeper);
    await whole(at, 120_000);
  });

  it('a changed setting restarts one after the other, with nobody opening them; so it does after the key was rotated', async () => {
    // Another than the apply of before wrote: who started since then runs by that.
    const restarted = await succeeded(run({ extraVars: { vault_lease_ttl_hours: 8 } }));
    expect(changes(restarted).filter((c) => c.includes('|vault member '))).toEqual(MEMBERS.map((m) => `${m}|vault member ${m}`));
    await keeper.asOperator((operator, limits) => operator.write('transit/keys/unseal/rotate', {}, limits));
    await succeeded(run({ extraVars: { vault_lease_ttl_hours: 6 } }));
    await whole(at);
    await succeeded(run({ mode: 'verify', extraVars: { vault_lease_ttl_hours: 6 } }));
  });
});

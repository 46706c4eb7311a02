/** The drills of OpenBao, as the program runs them, on three fresh hosts with a seal of their own. About six minutes. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BEGIN, END } from '../../src/drills/report/docs.ts';
import { labDown, labUp } from '../../src/lab/index.ts';
import { eventually, labProject, troubleOf } from '../integration/support/lab-project.ts';
import { ownLab } from '../integration/support/lab.ts';
import { drilled, type Drilled } from './support/drilled.ts';
import { hasOpenBao, MEMBERS, PLAIN_PLAYBOOKS, VaultLab } from './support/vault-lab.ts';

const RUNS = 2;
let at: VaultLab;
const drill = (name: string, ...more: readonly string[]): Promise<Drilled> => drilled(at.project, name, ...more);

const variables = (drills: string): Readonly<Record<string, unknown>> => ({ drills, base_firewall: false, vault_seal: 'static', vault_seal_key: `{{ secret "${KEY}" }}` });
const KEY = randomBytes(32).toString('base64');

describe.skipIf(!hasOpenBao())('openbao 2.7.2 (care-provision artifacts fetch openbao)', () => {
  beforeAll(async () => {
    const lab = await labUp({ ...ownLab('vaultdrill'), hosts: MEMBERS.map((name) => ({ name, site: 'kochi', release: 'trixie' as const })) });
    at = new VaultLab(lab, labProject({ 'results.md': `${BEGIN}\n${END}\n` }));
    await at.makePeople();
    at.writeInventory(variables('no'));
    const made = await at.run({ playbooks: PLAIN_PLAYBOOKS.slice(0, 2) });
    expect([MEMBERS.map((name) => troubleOf(made, name)).join(''), made.status]).toEqual(['', 0]);
    const initialised = await at.vault('init', '--yes');
    expect([initialised.status, initialised.stdout]).toEqual([0, expect.stringContaining('initialised')]);
    await eventually(async () => (await at.status()).healthy, 60_000, () => 'it is not healthy');
  });
  afterAll(async () => {
    at.project.remove();
    await labDown(ownLab('vaultdrill'));
  });

  it('hosts that are not marked are refused before they are touched; a restore wants the name of the cluster', async () => {
    const unmarked = await drill('vault-leader-host-loss', 'inventory.yml');
    expect([unmarked.status, unmarked.events, unmarked.stderr]).toEqual([65, [], expect.stringContaining('drills are not allowed on v1, v2, v3')]);
    at.writeInventory(variables('allowed'));
    const unnamed = await drill('vault-snapshot-restore', 'inventory.yml');
    expect([unnamed.status, unnamed.events, unnamed.stderr]).toEqual([65, [], expect.stringContaining('--destroy care')]);
  });

  it('each meets its target, loses nothing and leaves nothing behind; the report has them all', async () => {
    const report = path.join(at.project.dir, 'report.html');
    const { status, summary, stderr } = await drill('vault', 'inventory.yml', '--destroy', 'care', '--runs', String(RUNS), '--report', report, '--docs', 'results.md');
    console.log(readFileSync(path.join(at.project.dir, 'results.md'), 'utf8'));
    expect([status, summary.misses, stderr]).toEqual([0, [], '']);
    expect(summary).toMatchObject({ met: true, lost: 0 });
    const html = readFileSync(report, 'utf8');
    for (const name of ['vault-audit-device-blocked', 'vault-leader-host-loss', 'vault-all-members-loss', 'vault-snapshot-restore']) expect(html).toContain(name);
    expect((await at.status()).healthy).toBe(true);
    const verified = await at.run({ playbooks: PLAIN_PLAYBOOKS.slice(0, 2), mode: 'verify' });
    expect([MEMBERS.map((name) => troubleOf(verified, name)).join(''), verified.status]).toEqual(['', 0]);
  });
});

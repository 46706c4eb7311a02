/** OpenBao on three fresh hosts with the real program, in the artefact cache beforehand; without it these are skipped. Four to eight minutes. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labDown, labUp } from '../../src/lab/index.ts';
import { labPower } from '../../src/lab/power.ts';
import { eventually, labProject, onHost, PROGRAM, troubleOf } from '../integration/support/lab-project.ts';
import { ownLab } from '../integration/support/lab.ts';
import type { Result } from '../unit/run/support.ts';
import { changes, hasOpenBao, MEMBERS, PEOPLE, VaultLab } from './support/vault-lab.ts';

let at: VaultLab;
const troubles = (result: Result): string => MEMBERS.map((name) => troubleOf(result, name)).join('');

describe.skipIf(!hasOpenBao())('openbao 2.7.2 (care-provision artifacts fetch openbao)', () => {
  beforeAll(async () => {
    const lab = await labUp({ ...ownLab('vault'), hosts: MEMBERS.map((name) => ({ name, site: 'kochi', release: 'trixie' as const })) });
    at = new VaultLab(lab, labProject({}));
    await at.makePeople();
    at.writeInventory();
  });
  afterAll(async () => {
    at.project.remove();
    await labDown(ownLab('vault'));
  });

  it('members are made as predicted, and wait to be initialised; a second apply changes nothing', async () => {
    const predicted = await at.run({ mode: 'check' });
    expect([troubles(predicted), predicted.summary?.total.failed]).toEqual(['', 0]);
    const made = await at.run();
    if (made.status !== 0) console.log(await onHost(at.lab, 'v1', 'journalctl -u care-vault -n 40 --no-pager'));
    expect([troubles(made), made.status]).toEqual(['', 0]);
    expect(changes(made)).toEqual(changes(predicted));
    const again = await at.run();
    expect([troubles(again), again.status, changes(again)]).toEqual(['', 0, []]);
    expect((await at.status()).problems.join()).toContain('the cluster is not initialised');
    expect(troubles(await at.run({ mode: 'verify' }))).toContain('is not initialised: care-provision vault init');
  });

  it('init refuses too few holders and a member that is away, and nothing is made', async () => {
    const few = await at.vault('init', '--yes', '-e', '{"vault_key_holders": []}');
    expect([few.status, few.stderr]).toEqual([65, expect.stringContaining('at least 3 are needed') as string]);
    await onHost(at.lab, 'v3', 'systemctl stop care-vault');
    const away = await at.vault('init', '--yes');
    expect([away.status, away.stderr]).toEqual([3, expect.stringContaining('v3 does not answer') as string]);
    await onHost(at.lab, 'v3', 'systemctl start care-vault');
    expect((await at.status()).members.map((m) => m.state)).toEqual(['not initialised', 'not initialised', 'not initialised']);
  });

  it('init makes the cluster, gives each holder a share and leaves no root token; apply then changes only what notes the members; verify passes', async () => {
    const made = await at.vault('init', '--yes');
    if (made.status !== 0) console.log(await onHost(at.lab, 'v1', 'journalctl -u care-vault -n 60 --no-pager'));
    expect([made.stderr, made.status]).toEqual([expect.stringContaining('v3 has joined'), 0]);
    const folder = path.join(at.project.dir, '.care', 'vault', 'care');
    expect(readdirSync(folder).filter((n) => n.endsWith('.age')).sort()).toEqual(PEOPLE.map((p) => `${p}.age`));
    for (const person of PEOPLE) expect(statSync(path.join(folder, `${person}.age`)).mode & 0o777).toBe(0o600);
    expect(made.stdout + made.stderr + readFileSync(path.join(folder, 'shares.json'), 'utf8')).not.toMatch(/\bs\.[A-Za-z0-9]{20}/);
    await eventually(async () => (await at.status()).healthy, 60_000, () => 'it is not healthy');
    const noted = await at.run();
    expect([troubles(noted), noted.status, changes(noted)]).toEqual(['', 0, MEMBERS.map((m) => `${m}|vault member ${m}`)]);
    const again = await at.run();
    expect([again.status, changes(again)]).toEqual([0, []]);
    const verified = await at.run({ mode: 'verify' });
    expect([troubles(verified), verified.status]).toEqual(['', 0]);
    const twice = await at.vault('init', '--yes');
    expect([twice.status, twice.stderr]).toEqual([3, expect.stringContaining('is initialised already') as string]);
  });

  it('a wrong share is refused before a member hears of it; with too few shares it stays sealed and says how many are needed', async () => {
    await onHost(at.lab, 'v2', 'systemctl restart care-vault');
    const one = await at.unseal(['asha']);
    expect([one.status, one.stdout]).toEqual([3, expect.stringContaining('v2: 1 of 2 shares; 1 more')]);
    const stranger = await at.project.start(['vault', 'unseal', 'inventory.yml', '--stdin']).ended;
    expect([stranger.status, stranger.stderr]).toEqual([65, expect.stringContaining('no key share')]);
    const wrong = spawnSync(PROGRAM, ['vault', 'unseal', 'inventory.yml', '--stdin'], { cwd: at.project.dir, input: `${Buffer.alloc(33, 7).toString('base64')}\n`, encoding: 'utf8', timeout: 60_000, env: { ...process.env, NO_COLOR: '1', CARE_STATE: path.join(at.project.dir, 'state') } });
    expect([wrong.status, wrong.stderr]).toEqual([65, expect.stringMatching(/this is none of the key shares of care[^]*no server has been told of it/)]);
    const other = await at.unseal(['binu']);
    expect([other.status, other.stdout]).toEqual([0, expect.stringContaining('v2: open')]);
    expect((await at.status()).healthy).toBe(true);
  });

  it('a changed setting restarts one member, and stops before the next until people have unsealed it; the leader is the last', async () => {
    const leader = await at.leader();
    const vars = { vault_lease_ttl_hours: 12 };
    const seen: string[] = [];
    for (let round = 0; round < 4; round += 1) {
      const result = await at.run({ extraVars: vars });
      seen.push(...MEMBERS.filter((m) => changes(result).includes(`${m}|vault member ${m}`)));
      const { members } = await at.status();
      expect(members.filter((m) => m.state === 'active' || m.state === 'standby').length).toBeGreaterThanOrEqual(2);
      expect((await at.unseal()).status).toBe(0);
      await eventually(async () => (await at.status()).healthy, 60_000, () => 'it is not healthy');
      if (result.status === 0) break;
      expect(troubles(result)).toMatch(/is sealed, so v\d is not restarted now/);
    }
    expect([seen.length, seen.at(-1)]).toEqual([3, leader]);
    const again = await at.run({ extraVars: vars });
    expect([again.status, changes(again)]).toEqual([0, []]);
    const back = await at.run({ extraVars: { ...vars, vault_lease_ttl_hours: 12 }, mode: 'verify' });
    expect([troubles(back), back.status]).toEqual(['', 0]);
  });

  it('a snapshot is taken and put back: what was written since is gone, what was there before is kept aside', async () => {
    const write = (value: string): Promise<string> => onHost(at.lab, 'v1', `cd /etc/care-vault/pki; url=https://${at.address('v1')}:8200/v1; token=$(curl -s --cacert ca.crt --cert member.crt --key member.key -X POST -d '{"name":"member"}' $url/auth/care/login | sed 's/.*"client_token":"\\([^"]*\\)".*/\\1/'); curl -s --cacert ca.crt -H "X-Vault-Token: $token" -X POST -d '{"v":"${value}"}' $url/care-verify/drill`);
    const read = (): Promise<string> => onHost(at.lab, 'v2', `cd /etc/care-vault/pki; url=https://${at.address('v2')}:8200/v1; token=$(curl -s --cacert ca.crt --cert member.crt --key member.key -X POST -d '{"name":"member"}' $url/auth/care/login | sed 's/.*"client_token":"\\([^"]*\\)".*/\\1/'); curl -s --cacert ca.crt -H "X-Vault-Token: $token" $url/care-verify/drill`);
    await write('first');
    const taken = await at.vault('snapshot', '--to', 'one.snap.age');
    expect([taken.stderr, taken.status]).toEqual(['', 0]);
    expect(readFileSync(path.join(at.project.dir, 'one.snap.age')).subarray(0, 21).toString()).toBe('age-encryption.org/v1');
    await write('second');
    expect(await read()).toContain('second');
    const blind = await at.vault('restore', '--from', 'one.snap.age', '--confirm', 'care');
    expect([blind.status, blind.stderr]).toEqual([65, expect.stringContaining('cannot be read') as string]);
    const unnamed = await at.vault('restore', '--from', 'one.snap.age', '--identity', at.identityFile('asha'));
    expect(unnamed.status).toBe(64);
    const restored = await at.vault('restore', '--from', 'one.snap.age', '--identity', at.identityFile('asha'), '--confirm', 'care');
    expect([restored.stderr, restored.status]).toEqual([expect.stringContaining('what there was is in'), 0]);
    await eventually(async () => (await read()).includes('first'), 30_000, () => 'the value of the snapshot is not there');
    expect((await at.status()).healthy).toBe(true);
  });

  it('a rekey gives new shares, which open members; the old ones are refused', async () => {
    const one = await at.vault('rekey', '--identity', at.identityFile('asha'));
    expect([one.status, one.stdout]).toEqual([3, expect.stringContaining('1 of 2 old shares')]);
    const cancelled = await at.vault('rekey', '--cancel');
    expect([cancelled.stderr, cancelled.status]).toEqual(['', 0]);
    const folder = path.join(at.project.dir, '.care', 'vault', 'care');
    const before = readFileSync(path.join(folder, 'shares.json'), 'utf8');
    const done = await at.vault('rekey', '--identity', at.identityFile('asha'), '--identity', at.identityFile('chitra'));
    expect([done.stderr, done.status]).toEqual(['', 0]);
    expect(readFileSync(path.join(folder, 'shares.json'), 'utf8')).not.toBe(before);
    await onHost(at.lab, 'v1', 'systemctl restart care-vault');
    expect((await at.unseal(['binu', 'chitra'])).status).toBe(0);
    await eventually(async () => (await at.status()).healthy, 60_000, () => 'it is not healthy');
  });

  it('a lost quorum is explained, also by an apply; nothing is restarted, and nothing is lost', async () => {
    const vars = { vault_lease_ttl_hours: 12 };
    const value = async (host: string, more = ''): Promise<string> => onHost(at.lab, host, `cd /etc/care-vault/pki; url=https://${at.address(host)}:8200/v1; token=$(curl -s -m 10 --cacert ca.crt --cert member.crt --key member.key -X POST -d '{"name":"member"}' $url/auth/care/login | sed 's/.*"client_token":"\\([^"]*\\)".*/\\1/'); curl -s -m 10 --cacert ca.crt -H "X-Vault-Token: $token" ${more} $url/care-verify/quorum`);
    await value('v2', `-X POST -d '{"v":"before"}'`);
    const since = (): Promise<string> => onHost(at.lab, 'v2', 'systemctl show -p ExecMainStartTimestampMonotonic --value care-vault');
    const started = await since();
    for (const name of ['v1', 'v3']) await (await labPower(name, at.address(name))).cut();
    await eventually(async () => (await at.vault('status', '--output', 'json')).stdout.includes('only 1 of 3 members are open, and 2 are needed for a quorum: bring back the others; nothing is lost meanwhile'), 60_000, () => 'status does not say so');
    const refused = await at.run({ extraVars: { ...vars, vault_step_timeout: 20 } });
    expect([refused.status === 0, troubleOf(refused, 'v2')]).toEqual([false, expect.stringMatching(/hears no leader[^]*care-provision vault status/)]);
    expect(await since()).toBe(started);
    for (const name of ['v1', 'v3']) await (await labPower(name, at.address(name))).on();
    await eventually(async () => (await at.unseal(['binu', 'chitra'])).status === 0, 120_000, () => 'they do not open');
    await eventually(async () => (await at.status()).healthy, 60_000, () => 'it is not healthy');
    expect(await value('v1')).toContain('"v":"before"');
  });

  it('a member that was wiped is not let in again before somebody says so; then it joins as a new one', async () => {
    const vars = { vault_lease_ttl_hours: 12 };
    await onHost(at.lab, 'v3', 'systemctl stop care-vault; rm -rf /var/lib/care-vault/raft/*');
    const refused = await at.run({ extraVars: vars });
    expect(troubles(refused)).toContain('this host was a member and has lost its data');
    const replaced = await at.run({ extraVars: { ...vars, vault_replace: 'v3' } });
    expect([troubles(replaced), replaced.status]).toEqual(['', 0]);
    expect((await at.unseal()).status).toBe(0);
    await eventually(async () => (await at.status()).healthy, 60_000, () => 'it is not healthy');
    expect((await at.run({ extraVars: vars })).status).toBe(0);
    const verified = await at.run({ mode: 'verify', extraVars: vars });
    expect([troubles(verified), verified.status]).toEqual(['', 0]);
  });

  it('all members lose their power at once: they are sealed, and open with what they had', async () => {
    for (const name of MEMBERS) await (await labPower(name, at.address(name))).cut();
    for (const name of MEMBERS) await (await labPower(name, at.address(name))).on();
    await eventually(async () => (await at.vault('status', '--output', 'json')).stdout.includes('"state": "sealed"'), 120_000, () => 'they do not come up');
    await eventually(async () => (await at.status()).members.every((m) => m.state === 'sealed'), 60_000, () => 'not all are sealed');
    expect((await at.unseal()).status).toBe(0);
    await eventually(async () => (await at.status()).healthy, 60_000, () => 'it is not healthy');
    expect((await at.run({ mode: 'verify', extraVars: { vault_lease_ttl_hours: 12 } })).status).toBe(0);
  });

  it('a drill that leaves a member sealed wants enough shares at hand, and opens it again', async () => {
    at.writeInventory({ drills: 'allowed' });
    const drilled = (): Promise<{ readonly status: number | null; readonly stdout: string; readonly stderr: string }> => at.project.start(['drill', 'vault-leader-host-loss', 'inventory.yml']).ended;
    const before = process.env['CARE_IDENTITY_FILE'];
    try {
      process.env['CARE_IDENTITY_FILE'] = at.identityFile('asha');
      const few = await drilled();
      expect([few.status, few.stderr]).toEqual([3, expect.stringContaining('this drill has 1 of the 2 key shares') as string]);
      const both = path.join(at.project.dir, 'people', 'both.txt');
      writeFileSync(both, PEOPLE.slice(0, 2).map((person) => readFileSync(at.identityFile(person), 'utf8')).join(''), { mode: 0o600 });
      process.env['CARE_IDENTITY_FILE'] = both;
      const enough = await drilled();
      console.log(enough.stdout);
      expect([enough.status, enough.stderr]).toEqual([0, '']);
      expect((await at.status()).healthy).toBe(true);
    } finally {
      if (before === undefined) delete process.env['CARE_IDENTITY_FILE'];
      else process.env['CARE_IDENTITY_FILE'] = before;
    }
  });
});

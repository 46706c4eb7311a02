/**
 * A site without internet: four hosts in a network that no way leads out of, and a controller whose cache is empty, are given what one
 * bundle brings from a machine that has it: object storage on all, OpenBao on three. About six minutes. Debian's packages are no artefacts: here they are carried over, in
 * place of the site's mirror of Debian.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { cacheDirectory, cachedPath } from '../../src/artifacts/cache.ts';
import { findArtifact } from '../../src/artifacts/catalogue.ts';
import { execArguments } from '../../src/lab/access.ts';
import { labDown, labExec, labUp, type Lab } from '../../src/lab/index.ts';
import { loadCatalogue } from '../../src/language/artifact-catalogue.ts';
import type { RunOptions } from '../../src/run/options.ts';
import { eventually, hostVariables, labProject, onHost, PROGRAM, troubleOf, type LabProject } from '../integration/support/lab-project.ts';
import { ownLab } from '../integration/support/lab.ts';
import type { Result } from '../unit/run/support.ts';
import { hasOpenBao, VaultLab } from './support/vault-lab.ts';

const HOSTS = ['o1', 'o2', 'o3', 'o4'] as const;
const MEMBERS = ['o1', 'o2', 'o3'] as const;
const found = findArtifact(loadCatalogue([]), 'minio', '2026-02-12');
const digest = found.type === 'found' ? (found.artifact.sha256['linux/amd64'] ?? '') : '';
const bao = findArtifact(loadCatalogue([]), 'openbao', '2.7.2');
const openbao = bao.type === 'found' ? bao.artifact.sha256['linux/amd64'] : undefined;
const PLAYBOOKS = ['pki.yml', 'minio.yml', 'vault.yml'].map((name) => path.join(import.meta.dirname, '..', '..', 'playbooks', name));

let lab: Lab;
let project: LabProject;
let at: VaultLab;

const run = (options: Partial<RunOptions> = {}): Promise<Result> => project.run({ playbooks: PLAYBOOKS, ...options });
const changes = (result: Result): readonly string[] => result.events.flatMap((e) => (e.type === 'change' ? [`${e.host}|${e.resource}`] : []));
const troubles = (result: Result): string => HOSTS.map((name) => troubleOf(result, name)).join('');
const program = (cache: string | undefined, ...args: readonly string[]): string => execFileSync(PROGRAM, [...args], { encoding: 'utf8', cwd: project.dir, env: { ...process.env, NO_COLOR: '1', ...(cache === undefined ? {} : { CARE_ARTIFACTS: cache }) } });

/** Packages that a mirror of Debian would give, brought by a host that has a way out: a tar archive of them. */
async function packages(...names: readonly string[]): Promise<Buffer> {
  const online = await labUp({ ...ownLab('online'), hosts: [{ name: 'online', site: 'kochi', release: 'trixie' }] });
  try {
    const script = `mkdir -p /root/debs/partial && { apt-get update -qq && apt-get install -y -qq --download-only -o Dir::Cache::archives=/root/debs -o APT::Sandbox::User=root ${names.join(' ')}; } >&2 && cd /root/debs && tar -cf - *.deb`;
    return execFileSync('docker', [...execArguments(online, 'online', ['sh', '-c', script], false)], { maxBuffer: 128 * 1024 * 1024, timeout: 300_000, stdio: ['ignore', 'pipe', 'inherit'] });
  } finally {
    await labDown(ownLab('online'));
  }
}

describe.skipIf(!existsSync(cachedPath(cacheDirectory(), digest)) || !hasOpenBao())('a site without internet, minio 2026-02-12 and openbao 2.7.2 (care-provision artifacts fetch minio openbao)', () => {
  beforeAll(async () => {
    const debs = await packages('curl', 'openssl', 'ca-certificates', 'logrotate', 'age');
    lab = await labUp({ ...ownLab('offline'), isolated: true, hosts: HOSTS.map((name) => ({ name, site: 'kochi', release: 'trixie' as const })) });
    project = labProject({ 'artifacts.yml': 'end_of_life_accepted:\n  - { name: minio, version: 2026-02-12, until: 9999-12-31, reason: a drill }\n' });
    at = new VaultLab(lab, project);
    await at.makePeople();
    const hosts = Object.fromEntries(HOSTS.map((name) => [name, hostVariables(lab, name)]));
    const vars = { base_firewall: false, vault_key_holders: at.holders(), vault_key_threshold: 2, minio_drives: 1, minio_filesystems: ['tmpfs'], minio_firewall: false, minio_root_password: '{{ secret "RootOfTheDrill2026" }}', minio_buckets: [{ name: 'care-patient' }] };
    project.write('inventory.yml', JSON.stringify({ all: { vars, hosts, children: { minio: { hosts: Object.fromEntries(HOSTS.map((h) => [h, null])) }, vault: { hosts: Object.fromEntries(MEMBERS.map((h) => [h, null])) } } } }));
    for (const host of HOSTS) {
      const installed = await labExec(lab, host, ['sh', '-c', 'mkdir -p /root/debs && cd /root/debs && tar -xf - && dpkg -i *.deb && mkdir -p /srv/minio/drive1 && mount -t tmpfs -o size=1g minio1 /srv/minio/drive1'], { input: debs, timeoutMs: 120_000 });
      expect(installed.status, installed.stderr).toBe(0);
    }
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    project.remove();
    await labDown(ownLab('offline'));
  });

  it('no way leads out', async () => {
    const mirror = String.raw`$(grep -rhoE 'https?://[^ ]+' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -n 1)`;
    for (const host of HOSTS) expect(await onHost(lab, host, `m=${mirror}; [ -n "$m" ] || exit 1; curl -q -s -m 5 -o /dev/null "$m"; [ $? -ne 0 ] && echo shut`)).toBe('shut');
  });

  it('with an empty cache nothing is begun, and what is missing is named', async () => {
    vi.stubEnv('CARE_ARTIFACTS', path.join(project.dir, 'empty'));
    mkdirSync(path.join(project.dir, 'empty'));
    await expect(run()).rejects.toMatchObject({ list: [{ code: 'artifact-missing', message: expect.stringContaining('artefact minio 2026-02-12') as string }, { code: 'artifact-missing', message: expect.stringContaining('artefact openbao 2.7.2') as string }] });
    for (const host of HOSTS) expect(await onHost(lab, host, 'ls /etc/minio /etc/care-vault /etc/care-provision/pki 2>&1 | grep -c "No such file"')).toBe('3');
  });

  it('one bundle brings all that the site needs; it is installed, and verified', async () => {
    // On the machine that has a way out.
    vi.unstubAllEnvs();
    const bundle = path.join(project.dir, 'site.tar');
    const needed = PLAYBOOKS.flatMap((book) => ['--playbook', book]);
    program(undefined, 'artifacts', 'bundle', bundle, '-i', 'inventory.yml', ...needed);
    expect(statSync(bundle).size).toBeGreaterThan(200_000_000);
    const cache = path.join(project.dir, 'site-cache');
    program(cache, 'artifacts', 'import', bundle);
    vi.stubEnv('CARE_ARTIFACTS', cache);
    const made = await run();
    expect([troubles(made), made.status]).toEqual(['', 0]);
    const initialised = await at.vault('init', '--yes');
    expect([initialised.status, initialised.stderr]).toEqual([0, expect.stringContaining('has joined') as string]);
    await eventually(async () => (await at.status()).healthy, 60_000, () => 'it is not healthy');
    // Members with a vote are noted as such.
    const noted = await run();
    expect([troubles(noted), [...changes(noted)].sort()]).toEqual(['', MEMBERS.map((m) => `${m}|vault member ${m}`)]);
    const again = await run();
    expect([troubles(again), changes(again)]).toEqual(['', []]);
    const verified = await run({ mode: 'verify' });
    expect([troubles(verified), verified.status]).toEqual(['', 0]);
    for (const host of HOSTS) expect((await onHost(lab, host, 'sha256sum /usr/local/bin/minio')).split(' ')[0]).toBe(digest);
    for (const host of MEMBERS) expect((await onHost(lab, host, 'sha256sum /usr/local/bin/bao')).split(' ')[0]).toBe(openbao);
  });
});

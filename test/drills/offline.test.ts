/**
 * A site without internet: four hosts in a network that no way leads out of, and a controller whose cache is empty, are given what one
 * bundle brings from a machine that has it. About four minutes. Debian's packages are no artefacts: here they are carried over, in
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
import { hostVariables, labProject, onHost, PROGRAM, troubleOf, type LabProject } from '../integration/support/lab-project.ts';
import { ownLab } from '../integration/support/lab.ts';
import type { Result } from '../unit/run/support.ts';

const HOSTS = ['o1', 'o2', 'o3', 'o4'] as const;
const found = findArtifact(loadCatalogue([]), 'minio', '2026-02-12');
const digest = found.type === 'found' ? (found.artifact.sha256['linux/amd64'] ?? '') : '';
const PLAYBOOKS = ['pki.yml', 'minio.yml'].map((name) => path.join(import.meta.dirname, '..', '..', 'playbooks', name));

let lab: Lab;
let project: LabProject;

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

describe.skipIf(!existsSync(cachedPath(cacheDirectory(), digest)))('a site without internet, and minio 2026-02-12 (care-provision artifacts fetch minio)', () => {
  beforeAll(async () => {
    const debs = await packages('curl', 'openssl', 'ca-certificates');
    lab = await labUp({ ...ownLab('offline'), isolated: true, hosts: HOSTS.map((name) => ({ name, site: 'kochi', release: 'trixie' as const })) });
    project = labProject({ 'artifacts.yml': 'end_of_life_accepted:\n  - { name: minio, version: 2026-02-12, until: 9999-12-31, reason: a drill }\n' });
    const hosts = Object.fromEntries(HOSTS.map((name) => [name, hostVariables(lab, name)]));
    const vars = { minio_drives: 1, minio_filesystems: ['tmpfs'], minio_firewall: false, minio_root_password: '{{ secret "RootOfTheDrill2026" }}', minio_buckets: [{ name: 'care-patient' }] };
    project.write('inventory.yml', JSON.stringify({ all: { vars, hosts, children: { minio: { hosts: Object.fromEntries(HOSTS.map((h) => [h, null])) } } } }));
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
    await expect(run()).rejects.toMatchObject({ list: [{ code: 'artifact-missing' }] });
    for (const host of HOSTS) expect(await onHost(lab, host, 'ls /etc/minio /etc/care-provision/pki 2>&1 | grep -c "No such file"')).toBe('2');
  });

  it('one bundle brings all that the site needs; it is installed, and verified', async () => {
    // On the machine that has a way out.
    vi.unstubAllEnvs();
    const bundle = path.join(project.dir, 'site.tar');
    const needed = PLAYBOOKS.flatMap((book) => ['--playbook', book]);
    program(undefined, 'artifacts', 'bundle', bundle, '-i', 'inventory.yml', ...needed);
    expect(statSync(bundle).size).toBeGreaterThan(50_000_000);
    const cache = path.join(project.dir, 'site-cache');
    program(cache, 'artifacts', 'import', bundle);
    vi.stubEnv('CARE_ARTIFACTS', cache);
    const made = await run();
    expect([troubles(made), made.status]).toEqual(['', 0]);
    const again = await run();
    expect([troubles(again), changes(again)]).toEqual(['', []]);
    const verified = await run({ mode: 'verify' });
    expect([troubles(verified), verified.status]).toEqual(['', 0]);
    for (const host of HOSTS) expect((await onHost(lab, host, 'sha256sum /usr/local/bin/minio')).split(' ')[0]).toBe(digest);
  });
});

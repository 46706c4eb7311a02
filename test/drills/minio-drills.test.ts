/**
 * The drills of object storage, as the program runs them, on four fresh hosts with the real MinIO; without it in the artefact cache they are
 * skipped. CARE_MINIO_OLDER: path of an older build of MinIO, from which minio-upgrade goes on to the locked one; without it that drill
 * is skipped. CARE_DRILLS_DOCS: a file whose table of results is filled by the way (docs/drills.md).
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cacheDirectory, cachedPath } from '../../src/artifacts/cache.ts';
import { findArtifact } from '../../src/artifacts/catalogue.ts';
import { labDown, labUp, type Lab } from '../../src/lab/index.ts';
import { loadCatalogue } from '../../src/language/artifact-catalogue.ts';
import { hostVariables, labProject, onHost, troubleOf, type LabProject } from '../integration/support/lab-project.ts';
import { ownLab } from '../integration/support/lab.ts';
import { drilled, type Drilled } from './support/drilled.ts';

const HOSTS = ['o1', 'o2', 'o3', 'o4'] as const;
const VERSION = '2026-02-12';
const found = findArtifact(loadCatalogue([]), 'minio', VERSION);
const digest = found.type === 'found' ? (found.artifact.sha256['linux/amd64'] ?? '') : '';
const older = process.env['CARE_MINIO_OLDER'];
const docs = process.env['CARE_DRILLS_DOCS'];
const PLAYBOOKS = ['pki', 'minio'].map((name) => path.join(import.meta.dirname, '..', '..', 'playbooks', `${name}.yml`));

let lab: Lab;
let project: LabProject;

/** Memory stands for disks; after a power cut it comes back empty, by /etc/fstab. */
const drives = (...numbers: readonly number[]): string => `for n in ${numbers.join(' ')}; do mkdir -p /srv/minio/drive$n; grep -q "^minio$n " /etc/fstab || echo "minio$n /srv/minio/drive$n tmpfs size=1g,nofail 0 0" >>/etc/fstab; mountpoint -q /srv/minio/drive$n || mount /srv/minio/drive$n; done`;

function writeInventory(file: string, allowed: string): void {
  const vars = {
    drills: allowed, base_firewall: false, minio_drives: 2, minio_filesystems: ['tmpfs'], minio_root_password: '{{ secret "RootOfTheDrill2026" }}', minio_extra_names: ['DNS:s3.care.test'],
    ...(older === undefined ? {} : { minio_version: 'older' }),
  };
  const hosts = Object.fromEntries(HOSTS.map((name) => {
    const variables = hostVariables(lab, name);
    const address = String(variables['ansible_host']);
    return [name, { ...variables, lab_address: address, minio_address: address, pki_host_address: address }];
  }));
  const group = { hosts: Object.fromEntries(HOSTS.map((name) => [name, null])) };
  project.write(file, JSON.stringify({ all: { vars, hosts, children: { minio: group, minio_proxy: group } } }));
}

async function drill(name: string, ...more: readonly string[]): Promise<Drilled> {
  const done = await drilled(project, name, ...more, ...(docs === undefined ? [] : ['--docs', docs]));
  console.log(done.lines.map((line) => (line.type === 'event' ? `${String(line.at_ms)} ${line.what}` : JSON.stringify(line))).join('\n'));
  return done;
}

/** Met, with nothing lost, no request that failed for good, and nothing of the drill left behind. */
async function passes(name: string, ...more: readonly string[]): Promise<Drilled> {
  const drilled = await drill(name, 'inventory.yml', ...more);
  expect([drilled.status, drilled.summary.misses, drilled.stderr]).toEqual([0, [], '']);
  expect(drilled.summary).toMatchObject({ drill: name, met: true, lost: 0, status: 0 });
  expect(drilled.summary.acknowledged).toBeGreaterThan(10);
  expect(drilled.result?.counts['failed_requests']).toBe(0);
  expect(await onHost(lab, 'o1', 'ls -d /srv/minio/drive1/care-drill 2>/dev/null || true')).toBe('');
  return drilled;
}

describe.skipIf(!existsSync(cachedPath(cacheDirectory(), digest)))(`minio ${VERSION} (care-provision artifacts fetch minio)`, () => {
  beforeAll(async () => {
    lab = await labUp({ ...ownLab('mdrill'), hosts: HOSTS.map((name) => ({ name, site: 'kochi', release: 'trixie' as const })) });
    project = labProject({});
    const accepted = (version: string): object => ({ name: 'minio', version, until: '9999-12-31', reason: 'a drill' });
    project.write('artifacts.yml', JSON.stringify({
      artifacts: older === undefined ? [] : [{ name: 'minio', version: 'older', source: 'url', url: `file://${older}`, sha256: { 'linux/amd64': createHash('sha256').update(readFileSync(older)).digest('hex') }, license: 'AGPL-3.0-only' }],
      end_of_life_accepted: [accepted(VERSION)],
    }));
    writeInventory('inventory.yml', 'allowed');
    writeInventory('unmarked.yml', 'no');
    await Promise.all(HOSTS.map((host) => onHost(lab, host, drives(1, 2))));
    const made = await project.run({ playbooks: PLAYBOOKS });
    expect([...HOSTS.map((name) => troubleOf(made, name)), made.status]).toEqual([...HOSTS.map(() => ''), 0]);
  }, 1_500_000);
  afterAll(async () => {
    project.remove();
    await labDown(ownLab('mdrill'));
  });

  it('refuses hosts that are not marked, and what has nothing to do, before anything is broken', async () => {
    const unmarked = await drill('minio-host-loss', 'unmarked.yml');
    expect([unmarked.status, unmarked.events, unmarked.stderr]).toEqual([65, [], expect.stringContaining('drills are not allowed on o1, o2, o3, o4')]);
    const nothing = await drill('minio-pool-add', 'inventory.yml');
    expect([nothing.status, nothing.stderr]).toEqual([3, expect.stringContaining('declares 1 pools, and the store has 1')]);
    // An inventory without PostgreSQL.
    const postgres = await drill('postgres-switchover', 'inventory.yml');
    expect([postgres.status, postgres.stderr]).toEqual([65, expect.stringContaining('no host of this inventory is in the group postgres')]);
  });

  it('a key is changed without a failed request, and revoked everywhere', async () => {
    const { result } = await passes('minio-key-rotation');
    expect(result?.figures['revoked_ms']).toBeLessThan(60_000);
  });

  it('a drive that was emptied is filled again', async () => {
    await passes('minio-drive-wipe');
  });

  it('one host of four may go; it comes back with empty drives and is healed', async () => {
    const report = path.join(project.dir, 'report.html');
    const { events } = await passes('minio-host-loss', '--report', report);
    expect(events.map((e) => e.what)).toContain('o4 does not answer');
    expect(readFileSync(report, 'utf8')).toContain('objects lost');
  });

  it.skipIf(older === undefined)('an upgrade starts all nodes together, and no request fails for good', async () => {
    const before = await onHost(lab, 'o1', 'sha256sum /usr/local/bin/minio');
    await passes('minio-upgrade', '--extra-vars', `minio_version=${VERSION}`);
    expect((await onHost(lab, 'o1', 'sha256sum /usr/local/bin/minio')).split(' ')[0]).toBe(digest);
    expect(before).not.toContain(digest);
  });

  it('a pool is added with an upload in parts under way', async () => {
    await Promise.all(HOSTS.map((host) => onHost(lab, host, drives(3, 4))));
    project.write('grown.yml', JSON.stringify({ minio_version: VERSION, minio_pools: [{ hosts: [1, 4], drives: [1, 2] }, { hosts: [1, 4], drives: [3, 4] }] }));
    const { events } = await passes('minio-pool-add', '--extra-vars', '@grown.yml');
    expect(events.map((e) => e.what)).toContain('the upload in parts is ended, and holds what was sent');
  });
});

/**
 * The archive of logs in a real MinIO (in the artefact cache beforehand; without it this is skipped): two log hosts (Debian 13 and 12), and a host that
 * sends, is the store, and stands for the machine on which people read the archive. About five minutes.
 */
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cacheDirectory, cachedPath } from '../../src/artifacts/cache.ts';
import { findArtifact } from '../../src/artifacts/catalogue.ts';
import { labDown, labUp, type Lab } from '../../src/lab/index.ts';
import { loadCatalogue } from '../../src/language/artifact-catalogue.ts';
import type { RunOptions } from '../../src/run/options.ts';
import { Secret } from '../../src/support/secret.ts';
import { eventually, hostVariables, labProject, onHost, troubleOf, type LabProject } from '../integration/support/lab-project.ts';
import { ownLab } from '../integration/support/lab.ts';
import type { Result } from '../unit/run/support.ts';

const HOSTS = ['la1', 'la2', 's1'] as const;
const SERVERS = ['la1', 'la2'] as const;
const VERSION = '2026-02-12';
const found = findArtifact(loadCatalogue([]), 'minio', VERSION);
const digest = found.type === 'found' ? (found.artifact.sha256['linux/amd64'] ?? '') : '';
const book = (name: string): string => path.join(import.meta.dirname, '..', '..', 'playbooks', `${name}.yml`);
const BELOW = ['base', 'pki', 'minio'].map(book);
/** With what curl's configuration would take for its own. */
const KEY = 'Key"of\\the-logs26';
const READER = 'KeyOfTheReader26';
const ROOT = 'RootOfTheDrill2026';
const SECRETS = { minio_root_password: new Secret(ROOT), logs_key: new Secret(KEY), reader_key: new Secret(READER) };
const day = (ago: number): string => `${new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10)}.log`;

let lab: Lab;
let project: LabProject;
let identity = '';
let store = '';

const addressOf = (host: string): string => String(hostVariables(lab, host)['ansible_host']);
const run = (options: Partial<RunOptions> = {}): Promise<Result> => project.run({ playbooks: [book('logging')], ...options, extraVars: { ...SECRETS, ...options.extraVars } });
const changes = (result: Result): readonly string[] => [...new Set(result.events.flatMap((e) => (e.type === 'change' ? [`${e.host}|${e.resource}`] : [])))].sort();
const troubles = (result: Result): string => HOSTS.map((name) => troubleOf(result, name)).join('');
const succeeded = (result: Result): void => { expect([troubles(result), result.status]).toEqual(['', 0]); };
const archive = (host: string): Promise<string> => onHost(lab, host, 'systemctl start care-log-archive.service');
const metric = (host: string, name: string): Promise<string> => onHost(lab, host, `care-log-keep; sed -n 's/^${name} //p' /var/lib/prometheus/node-exporter/care_logging.prom`);
/** What is today's becomes yesterday's or older: as if midnight had come, with the lines as they came. */
const closeDay = (host: string, ago: number): Promise<string> => onHost(lab, host, `systemctl stop care-log-archive.timer care-log-keep.timer care-logging && for d in /var/log/care /var/log/care-audit; do for f in "$d"/*/${day(0)}; do [ -e "$f" ] || continue; chattr -a "$f" 2>/dev/null || true; mv "$f" "\${f%/*}/${day(ago)}"; done; done; systemctl start care-logging care-log-keep.timer`);
/** The commands of docs/roles/logging.md, "Reading it", for one file of the archive. */
async function read(name: string): Promise<string> {
  const commands = /```sh\n(umask 077\ncat >reader\.conf[^`]*)```/.exec(readFileSync(path.join(import.meta.dirname, '..', '..', 'docs', 'roles', 'logging.md'), 'utf8'))?.[1] ?? '';
  const told = commands.replace('SECRET-KEY', READER).replace('https://s3.site.example:9000/logs', store).replaceAll('ca.crt', '/etc/care-provision/pki/ca.crt').replace('FILE=LOGHOST/all/SENDER/DAY.log', `FILE=${name}`).replace('| less', '');
  return onHost(lab, 's1', `set -e; rm -rf /root/read; mkdir /root/read; cd /root/read; umask 077; printf '%s\\n' '${identity}' >archive-key.txt; ${told}`);
}
const byRoot = (method: string, what: string): Promise<string> => onHost(lab, 's1', `umask 077; printf 'user = "care-root:${ROOT}"\\naws-sigv4 = "aws:amz:us-east-1:s3"\\ncacert = "/etc/care-provision/pki/ca.crt"\\n' >/root/r; curl -q -sS -m 20 -K /root/r -X ${method} -H 'x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' -H 'x-amz-bypass-governance-retention: true' -w '%{http_code}' -o /root/out '${store}${what}'; cat /root/out; rm -f /root/r /root/out`);

describe.skipIf(!existsSync(cachedPath(cacheDirectory(), digest)))(`the archive of logs in minio ${VERSION} (care-provision artifacts fetch minio)`, () => {
  beforeAll(async () => {
    lab = await labUp({ ...ownLab('logarchive'), hosts: HOSTS.map((name) => ({ name, site: name === 'la2' ? 'delhi' : 'kochi', release: name === 'la2' ? ('bookworm' as const) : ('trixie' as const) })) });
    identity = await generateIdentity();
    store = `https://${addressOf('s1')}:9000/logs`;
    project = labProject({ 'artifacts.yml': `end_of_life_accepted:\n  - { name: minio, version: ${VERSION}, until: 9999-12-31, reason: a drill }\n` });
    const hosts = Object.fromEntries(HOSTS.map((name) => [name, { ...hostVariables(lab, name), pki_host_address: addressOf(name), minio_address: addressOf(name) }]));
    const vars = { time_control_clock: false, time_servers: [], time_serve_to: ['172.16.0.0/12'], base_sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }] };
    const allow = (actions: readonly string[], what: string): object => ({ Effect: 'Allow', Action: actions, Resource: `arn:aws:s3:::${what}` });
    const policy = (name: string, ...statements: readonly object[]): object => ({ name, policy: { Version: '2012-10-17', Statement: statements } });
    project.write('inventory.yml', JSON.stringify({ all: { vars, hosts, children: {
      minio: { hosts: { s1: null }, vars: {
        minio_standalone: true, minio_filesystems: ['tmpfs'], minio_client_networks: ['172.16.0.0/12'],
        minio_buckets: [{ name: 'logs', object_lock: true, retention: { mode: 'GOVERNANCE', days: 90 }, lifecycle: [{ id: 'old', expiration: { days: 400 } }, { id: 'gone', noncurrent_version_expiration: { noncurrent_days: 30 } }] }],
        minio_policies: [policy('logs', allow(['s3:PutObject', 's3:GetObject'], 'logs/*')), policy('reader', allow(['s3:ListBucket'], 'logs'), allow(['s3:GetObject'], 'logs/*'))],
        minio_users: [{ name: 'logs', password: '{{ logs_key }}', policies: ['logs'] }, { name: 'reader', password: '{{ reader_key }}', policies: ['reader'] }],
      } },
      logging: { hosts: { la1: null, la2: null }, vars: { logging_archive_s3_url: store, logging_archive_s3_access_key: 'logs', logging_archive_s3_secret_key: '{{ logs_key }}', logging_archive_recipients: [await identityToRecipient(identity)] } },
    } } }));
    await onHost(lab, 's1', 'for n in 1 2 3 4; do mkdir -p /srv/minio/drive$n; mount -t tmpfs -o size=1g minio$n /srv/minio/drive$n; done');
    succeeded(await run({ playbooks: BELOW }));
  }, 900_000);
  afterAll(async () => {
    project.remove();
    await labDown(ownLab('logarchive'));
  });

  it('is made as predicted; a second apply changes nothing; verify puts the first object there', async () => {
    const predicted = await run({ mode: 'check' });
    expect([troubles(predicted), predicted.summary?.total.unknown]).toEqual(['', 0]);
    const made = await run();
    succeeded(made);
    expect(changes(made)).toEqual(changes(predicted));
    const again = await run();
    expect([again.status, changes(again)]).toEqual([0, []]);
    const verified = await run({ mode: 'verify' });
    succeeded(verified);
    for (const result of [made, verified]) expect(JSON.stringify(result.events)).not.toContain(JSON.stringify(KEY).slice(1, -1));
    await onHost(lab, 's1', 'DEBIAN_FRONTEND=noninteractive apt-get install -qy age zstd curl >/dev/null 2>&1');
    for (const host of SERVERS) expect(await read(`${host}/begun`)).toContain(`the archive of ${host} in ${store} begins at`);
  });

  it('a line that a host has said is read in the archive of both log hosts, by who has the key alone', async () => {
    const line = `archived line ${String(Date.now())}`;
    await onHost(lab, 's1', `logger -t care-drill '${line}'; logger -p authpriv.notice -t care-drill 'audit ${line}'`);
    for (const host of SERVERS) {
      await eventually(async () => (await onHost(lab, host, `grep -hc 'audit ${line}' /var/log/care-audit/s1/*.log /dev/null || true`)).includes('1'), 60_000, () => `${host} has no line`);
      await closeDay(host, 1);
      expect(Number(await metric(host, 'care_log_archive_pending_files'))).toBeGreaterThan(1);
      await archive(host);
      expect(await metric(host, 'care_log_archive_pending_files')).toBe('0');
      for (const kind of ['all', 'audit']) expect(await read(`${host}/${kind}/s1/${day(1)}`)).toContain(line);
      expect(await onHost(lab, 's1', `cd /root/read && head -c 21 ${day(1)}.zst.age; grep -c 'archived line' ${day(1)}.zst.age || true`)).toBe('age-encryption.org/v10');
      // What packs and encrypts may do what it must, and no more.
      expect(await onHost(lab, host, `systemctl show -p CapabilityBoundingSet -p ProtectSystem --value care-log-archive.service | tr '\\n' ' '`)).toBe('strict');
    }
    for (const host of SERVERS) await onHost(lab, host, 'systemctl start care-log-archive.timer');
    succeeded(await run({ mode: 'verify' }));
  });

  it('the account of the log hosts may neither list nor delete, and its key is in one file of root’s', async () => {
    const asked = (method: string, what: string): Promise<string> => onHost(lab, 'la1', `curl -q -s -m 20 -K /etc/care-logging/archive-s3.conf -X ${method} -H 'x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' -o /dev/null -w '%{http_code}' '${store}${what}'`);
    expect(await Promise.all([asked('GET', '/?list-type=2'), asked('DELETE', `/la1/all/s1/${day(1)}.zst.age`), asked('DELETE', `/la2/all/s1/${day(1)}.zst.age`), asked('GET', '/../other')])).toEqual(['403', '403', '403', '403']);
    for (const host of SERVERS) expect(await onHost(lab, host, `grep -rlF 'the-logs26' /etc /usr/local /var/lib/care-logging /var/log 2>/dev/null; stat -c '%a %U' /etc/care-logging/archive-s3.conf; journalctl --no-pager | grep -cF 'the-logs26' || true`)).toBe('/etc/care-logging/archive-s3.conf\n600 root\n0');
  });

  it('while the store is away nothing goes from the log host, however old; what it has missed is caught up with', async () => {
    await onHost(lab, 's1', 'systemctl stop care-minio');
    await onHost(lab, 'la1', `cd /var/log/care/s1 && for d in ${[95, 94, 93, 92].map(day).join(' ')}; do echo "a line of $d" >$d; done`);
    await onHost(lab, 'la1', '! systemctl start care-log-archive.service 2>/dev/null');
    expect(Number(await onHost(lab, 'la1', 'journalctl -u care-log-archive -o cat --no-pager | grep -c "is not stored: curl"'))).toBeGreaterThanOrEqual(3);
    expect([await metric('la1', 'care_log_archive_pending_files'), await onHost(lab, 'la1', `ls /var/log/care/s1/${day(95)}`)]).toEqual(['4', `/var/log/care/s1/${day(95)}`]);
    const red = await run({ mode: 'verify' });
    expect(troubles(red)).toContain('object storage does not have what was put there');
    await onHost(lab, 's1', 'systemctl start care-minio');
    await eventually(() => archive('la1').then(() => true, () => false), 120_000, () => 'the store does not take what it has missed');
    expect([await metric('la1', 'care_log_archive_pending_files'), await metric('la1', 'care_log_archive_lost_files_total')]).toEqual(['0', '0']);
    for (const ago of [95, 92]) expect(await read(`la1/all/s1/${day(ago)}`)).toContain(`a line of ${day(ago)}`);
    // Their time has come, and they are there.
    expect(await onHost(lab, 'la1', `ls /var/log/care/s1/${day(95)} 2>&1 || true`)).toContain('No such file');
    succeeded(await run({ mode: 'verify' }));
  });

  it('verify fails where an object is gone; put there again, it passes', async () => {
    const newest = `/la1/all/s1/${day(1)}.zst.age`;
    const version = /<VersionId>([^<]+)<\/VersionId>/.exec(await byRoot('GET', `/?prefix=la1%2Fall%2Fs1%2F${day(1)}&versions=`))?.[1] ?? 'no version';
    expect(await byRoot('DELETE', `${newest}?versionId=${version}`)).toBe('204');
    // The newest of several hosts' files of a day is any of them: only that of s1 is left.
    await onHost(lab, 'la1', `rm -f /var/log/care/la1/${day(1)} /var/log/care/la2/${day(1)}; systemctl start care-log-archive`);
    const red = await run({ mode: 'verify' });
    expect([red.status === 0, troubles(red)]).toEqual([false, expect.stringMatching(/object storage does not have what was put there: .*40[34]/) as string]);
    await onHost(lab, 'la1', `sed -i '\\|^all/s1/${day(1)}|d' /var/lib/care-logging/archived; systemctl start care-log-archive`);
    succeeded(await run({ mode: 'verify' }));
    expect(await read(newest.slice(1).replace('.zst.age', ''))).toContain('archived line');
  });

  it('without an address the archive, its account and its timer are gone, and nothing else', async () => {
    const extraVars = { logging_archive_s3_url: '', logging_archive_s3_access_key: '', logging_archive_s3_secret_key: '', logging_archive_recipients: [] };
    const off = await run({ extraVars });
    succeeded(off);
    expect(await onHost(lab, 'la1', 'ls /etc/care-logging/archive-s3.conf /etc/systemd/system/care-log-archive.timer 2>/dev/null; systemctl is-active care-log-archive.timer || true')).toBe('inactive');
    expect(changes(await run({ extraVars }))).toEqual([]);
    succeeded(await run({ extraVars, mode: 'verify' }));
  });
});

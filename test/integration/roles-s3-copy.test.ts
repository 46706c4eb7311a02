/**
 * Role s3_copy on hosts of both releases (and so by both curls), with a real MinIO that role minio's tasks have told what docs/roles/s3_copy.md
 * declares. The program was built from source into the artefact cache beforehand; without it this is skipped. A minute.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { cacheDirectory, cachedPath } from '../../src/artifacts/cache.ts';
import { findArtifact } from '../../src/artifacts/catalogue.ts';
import { labHost, type Lab } from '../../src/lab/index.ts';
import { loadCatalogue } from '../../src/language/artifact-catalogue.ts';
import type { RunOptions } from '../../src/run/options.ts';
import { packageRoot } from '../../src/support/package-root.ts';
import { hostVariables, labProject, onHost, troubleOf, type LabProject } from './support/lab-project.ts';
import { sharedLab } from './support/lab.ts';
import { changesOf, succeeds } from './support/laws.ts';

const HOSTS = ['test-trixie', 'test-bookworm'] as const;
const [STORE] = HOSTS;
const ROOT = 'RootOfTheTest2026';
const KEY = String.raw`Key/of"the\hosts`;
const PEOPLE = 'KeyOfThePeople2026';
const found = findArtifact(loadCatalogue([]), 'minio', '2026-02-12');
const sha256 = found.type === 'found' ? (found.artifact.sha256['linux/amd64'] ?? '') : '';
const ROLES = path.join(packageRoot(), 'roles');
const PAGE = readFileSync(path.join(packageRoot(), 'docs', 'roles', 's3_copy.md'), 'utf8');

const Declared = z.looseObject({ minio_buckets: z.array(z.looseObject({ name: z.literal('etcd-backups') })).length(1), minio_policies: z.array(z.looseObject({})), minio_users: z.array(z.looseObject({ name: z.string() })) });
/** What the page says for group_vars/minio.yml, with keys. */
function declared(): object {
  const block = /```yaml\n# group_vars\/minio\.yml\n([^]*?)```/.exec(PAGE)?.[1] ?? '';
  const said = Declared.parse(parse(block, { customTags: [{ tag: '!secret', resolve: (text: string) => text }] }));
  const keys: Readonly<Record<string, string>> = { 'etcd-backup-care': KEY, 'etcd-restore': PEOPLE };
  return { ...said, minio_users: said.minio_users.map((user) => ({ ...user, password: secret(keys[user.name] ?? '') })) };
}
const secret = (text: string): string => `{{ secret (b64_decode "${Buffer.from(text).toString('base64')}") }}`;

let lab: Lab;
let project: LabProject;
let store = '';

const copyPlay = (url: string): string => JSON.stringify([{
  hosts: 'all', tasks: [
    { name: 'directory', file: { path: '/var/lib/copy-test', state: 'directory', mode: '0700' } },
    { name: 'where to', s3_upload_inventory: { option: 's3_copy', url: '{{ copy_url }}', access_key: '{{ copy_account }}', secret_key: '{{ copy_key }}' } },
    { include_role: { name: path.join(ROLES, 's3_copy') }, vars: { s3_copy_name: 'test', s3_copy_directory: '/var/lib/copy-test', s3_copy_suffix: '.age', s3_copy_url: '{{ copy_url }}/{{ inventory_hostname }}', s3_copy_access_key: '{{ copy_account }}', s3_copy_secret_key: '{{ copy_key }}', s3_copy_ca: '/srv/copy-ca.crt', s3_copy_region: '{{ copy_region }}' }, when: 'copy_url != ""' },
    { include_role: { name: path.join(ROLES, 's3_copy'), tasks_from: 'absent' }, vars: { s3_copy_name: 'test' }, when: 'copy_url == ""' },
  ], vars: { copy_url: url, copy_account: 'etcd-backup-care', copy_key: secret(KEY), copy_region: 'us-east-1' },
}]);
/** What playbooks/kubernetes-etcd-restore.yml does to get the archive; the cluster that it is for is not there, and not asked. */
const RESTORE = JSON.stringify([{
  hosts: 'all', tasks: [
    { include_role: { name: 'kubernetes', tasks_from: 'restore_source' } },
    { include_role: { name: 'kubernetes', tasks_from: 'programs' } },
    { file: { path: '/var/lib/care-kubernetes-restore', state: 'directory', mode: '0700' } },
    { include_role: { name: 'kubernetes', tasks_from: 'restore_fetch' } },
  ],
  vars: { kubernetes_encryption_keys: [], etcd_backup_s3_url: '{{ restore_url }}', etcd_backup_s3_access_key: 'etcd-backup-care', etcd_backup_s3_secret_key: secret(KEY), etcd_backup_s3_ca: '/srv/copy-ca.crt' },
}]);
const THEIRS = { kubernetes_restore_s3_access_key: 'etcd-restore', kubernetes_restore_s3_secret_key: secret(PEOPLE) };
const apply = (more: Partial<RunOptions> = {}): Promise<Awaited<ReturnType<LabProject['run']>>> => project.run({ playbooks: [path.join(project.dir, 'copy.yml')], diff: true, ...more });

interface Said { readonly status: number; readonly text: string }
/** care-s3-copy on a host: its exit status, and both its outputs. */
async function copies(host: string, words: string): Promise<Said> {
  const said = await onHost(lab, host, `out=$(care-s3-copy ${words} 2>&1); echo "$?"; printf '%s\\n' "$out"`);
  const [status = '', ...text] = said.split('\n');
  return { status: Number(status), text: text.join('\n') };
}
/** A whole backup, as the programs of roles leave one. */
const backUp = (host: string, name: string): Promise<string> =>
  onHost(lab, host, `cd /var/lib/copy-test; umask 077; { printf 'age-encryption.org/v1\\n'; head -c 3000000 /dev/urandom; } >${name}.age; sha256sum ${name}.age >${name}.age.sha256`);

/** The status of a request with an account, on a host. */
async function status(host: string, account: string, key: string, words: string): Promise<string> {
  const text = Buffer.from(`user = ${JSON.stringify(`${account}:${key}`)}\naws-sigv4 = "aws:amz:us-east-1:s3"\ncacert = "/srv/copy-ca.crt"\n`).toString('base64');
  return onHost(lab, host, `printf %s ${text} | base64 -d >/run/s3-account; curl -q -s -m 20 -o /run/s3-body -w '%{http_code}' -K /run/s3-account ${words}; rm -f /run/s3-account`);
}
const asRoot = (words: string): Promise<string> => status(STORE, 'care-root', ROOT, words);

describe.skipIf(!existsSync(cachedPath(cacheDirectory(), sha256)))('copies in a MinIO (care-provision artifacts fetch minio)', () => {
  beforeAll(async () => {
    lab = await sharedLab();
    const address = labHost(lab, STORE).address;
    store = `https://${address}:9125/etcd-backups`;
    const drives = [1, 2, 3, 4].map((n) => `mkdir -p /srv/copy/drive${String(n)}; mount -t tmpfs -o size=600m copy-${String(n)} /srv/copy/drive${String(n)}`).join('; ');
    const ca = await onHost(lab, STORE, `mkdir -p /srv/copy/certs; umask 077; ${drives}; command -v openssl >/dev/null || { apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq openssl; } >/dev/null 2>&1; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=copy -addext 'subjectAltName=IP:127.0.0.1,IP:${address}' -keyout /srv/copy/certs/private.key -out /srv/copy/certs/public.crt 2>/dev/null; cat /srv/copy/certs/public.crt`);
    const environment = `MINIO_ROOT_USER=care-root\nMINIO_ROOT_PASSWORD=${ROOT}\nMINIO_UPDATE=off\nMINIO_BROWSER=off\nMINIO_SITE_REGION=us-east-1\n`;
    const unit = '[Service]\nType=exec\nEnvironmentFile=/srv/copy/environment\nExecStart=/usr/local/bin/minio-copy server --quiet --address :9125 --certs-dir /srv/copy/certs /srv/copy/drive{1...4}\n';
    project = labProject({
      'inventory.yml': JSON.stringify({ all: { hosts: Object.fromEntries(HOSTS.map((name) => [name, hostVariables(lab, name)])), vars: { ca, environment, unit, restore_url: `${store}/care` }, children: { minio: { hosts: { [STORE]: null } }, kube_control_plane: { hosts: Object.fromEntries(HOSTS.map((name) => [name, null])) } } } }),
      'artifacts.yml': 'end_of_life_accepted:\n  - { name: minio, version: 2026-02-12, until: 9999-12-31, reason: a test }\n',
      'store.yml': JSON.stringify([
        { hosts: 'all', tasks: [{ copy: { dest: '/srv/copy-ca.crt', content: '{{ ca }}\n' } }] },
        { hosts: 'minio', tasks: [
          { artifact: { name: 'minio', version: '2026-02-12', dest: '/usr/local/bin/minio-copy', owner: 'root', group: 'root', mode: '0755' } },
          { copy: { dest: '/srv/copy/environment', content: '{{ environment }}', mode: '0600' } },
          { copy: { dest: '/etc/systemd/system/copy-test.service', content: '{{ unit }}', mode: '0600' } },
          { systemd: { name: 'copy-test.service', state: 'started' } },
          { wait_for: { host: '127.0.0.1', port: 9125, timeout: 60 } },
          { include_role: { name: path.join(ROLES, 'minio'), tasks_from: 'data' } },
        ], vars: { ...declared(), minio_root_user: 'care-root', minio_root_password: secret(ROOT), minio_authority: '{{ ca }}', minio_port: 9125, minio_address: '127.0.0.1', minio_started: { changed: false } } },
      ]),
      'copy.yml': copyPlay(`${store}/care`),
      'absent.yml': copyPlay(''),
      'restore.yml': RESTORE,
    });
    await succeeds(project, 0, { playbooks: [path.join(project.dir, 'store.yml')] });
  });
  afterAll(async () => {
    project.remove();
    await onHost(lab, STORE, 'systemctl stop copy-test; rm -f /etc/systemd/system/copy-test.service /usr/local/bin/minio-copy; systemctl daemon-reload; umount /srv/copy/drive1 /srv/copy/drive2 /srv/copy/drive3 /srv/copy/drive4; rm -rf /srv/copy');
    for (const host of HOSTS) await onHost(lab, host, 'rm -rf /srv/copy-ca.crt /var/lib/copy-test /etc/care-s3-copy /usr/local/sbin/care-s3-copy /usr/local/sbin/care-s3 /usr/local/sbin/care-kube* /usr/local/lib/care-kubernetes /var/lib/care-kubernetes-restore /run/care-kubeadm');
  });

  test('the role: predicted, applied, nothing left to do; the key is in a file of root alone', async () => {
    const checked = await apply({ mode: 'check' });
    const applied = await apply();
    expect([HOSTS.map((host) => troubleOf(applied, host)), applied.status]).toEqual([['', ''], 0]);
    expect(changesOf(project, applied)).toEqual(changesOf(project, checked));
    expect(changesOf(project, await apply())).toEqual([]);
    expect(JSON.stringify(applied.events)).not.toContain(JSON.stringify(KEY).slice(1, -1));
    for (const host of HOSTS) expect(await onHost(lab, host, 'stat -c "%U %a" /etc/care-s3-copy/test.account /etc/care-s3-copy')).toBe('root 600\nroot 700');
  });

  test.each(HOSTS)('%s: all that the store lacks is copied, the newest first, and given back; a second time nothing', async (host) => {
    expect(await copies(host, 'copy test')).toEqual({ status: 0, text: 'there is nothing to copy yet' });
    expect(await copies(host, 'newest test')).toEqual({ status: 0, text: '' });
    for (const name of ['one', 'two']) await backUp(host, name);
    expect(await copies(host, 'newest test')).toEqual({ status: 0, text: '' });
    await onHost(lab, host, 'cd /var/lib/copy-test; touch -d "3 hours ago" one.age; echo unfinished >three.age');
    expect(await copies(host, 'copy test')).toEqual({ status: 0, text: 'two.age: copied\none.age: copied\nthe store has all of 2' });
    expect(await copies(host, 'copy test')).toEqual({ status: 0, text: 'the store has all of 2' });
    expect(await copies(host, 'verify test 1')).toEqual({ status: 0, text: '' });
    expect(await copies(host, 'newest test')).toEqual({ status: 0, text: await onHost(lab, host, "stat -c '%Y two.age' /var/lib/copy-test/two.age") });
    expect(await onHost(lab, host, 'cd /var/lib/copy-test; stat -c %Y two.age .s3-copied | uniq | wc -l; rm three.age')).toBe('1');
    // Its sum is there, too, for who restores.
    expect(await status(host, 'etcd-restore', PEOPLE, `${store}/care/${host}/one.age.sha256`)).toBe('200');
    expect(await onHost(lab, host, 'cmp /run/s3-body /var/lib/copy-test/one.age.sha256 && echo same')).toBe('same');
  });

  test.each(HOSTS)('%s: the account may put and read in its folder, and nothing else; people may list and read', async (host) => {
    const its = (words: string): Promise<string> => status(host, 'etcd-backup-care', KEY, words);
    const one = `${store}/care/${host}/one.age`;
    expect([await its(one), await its(`-X DELETE ${one}`), await its(`'${store}?list-type=2'`), await its(`-T /etc/hostname ${store}/other/x`), await its(`${store}/other/x`)]).toEqual(['200', '403', '403', '403', '403']);
    expect(await status(host, 'etcd-restore', PEOPLE, `'${store}?list-type=2&prefix=care%2F'`)).toBe('200');
    const page = /curl .*list-type=2&prefix=care%2F" \| (.*?) +#/.exec(PAGE)?.[1] ?? '';
    expect((await onHost(lab, host, `cat /run/s3-body | ${page}`)).split('\n')).toEqual(expect.arrayContaining([`care/${host}/one.age`, `care/${host}/two.age`]));
    expect([await status(host, 'etcd-restore', PEOPLE, `-T /etc/hostname ${store}/care/x`), await status(host, 'etcd-restore', PEOPLE, `-X DELETE ${one}`)]).toEqual(['403', '403']);
    // Object lock: the root account doesn't delete a version either, but by going round it by name.
    const version = await onHost(lab, host, `curl -q -s -I -K /etc/care-s3-copy/test.account ${one} | tr -d '\\r' | sed -n 's/^x-amz-version-id: //p'`);
    expect(version).not.toBe('');
    expect(await asRoot(`-X DELETE '${one}?versionId=${version}'`)).toBe('400');
    expect(await onHost(lab, STORE, 'cat /run/s3-body')).toContain('WORM protected');
  });

  test.each(HOSTS)('%s: a store that is away leaves no gap', async (host) => {
    await onHost(lab, STORE, 'systemctl stop copy-test');
    await backUp(host, 'away1');
    const away = await copies(host, 'copy test');
    expect([away.status, away.text]).toEqual([1, expect.stringMatching(/^care-s3-copy: the store of https:.* does not answer: .*9125.*What it lacks is copied by the next run$/) as string]);
    await backUp(host, 'away2');
    expect(await copies(host, 'newest test')).toEqual({ status: 1, text: expect.stringContaining('does not answer') as string });
    expect((await copies(host, 'verify test 1')).text).toContain('does not answer');
    await onHost(lab, STORE, `systemctl start copy-test; for i in $(seq 100); do curl -q -s -m 2 --cacert /srv/copy/certs/public.crt -o /dev/null -f https://127.0.0.1:9125/minio/health/cluster && exit 0; sleep 0.2; done; exit 1`);
    expect(await copies(host, 'copy test')).toEqual({ status: 0, text: 'away2.age: copied\naway1.age: copied\nthe store has all of 4' });
    expect((await copies(host, 'verify test 1')).status).toBe(0);
  });

  test('what the store has lost, or has otherwise, is found by verify and copied again', async () => {
    const host = 'test-bookworm';
    const at = `${store}/care/${host}/away2.age`;
    await asRoot(`-X DELETE ${at}`);
    expect(await copies(host, 'verify test 1')).toEqual({ status: 1, text: expect.stringContaining('the store has no away2.age') as string });
    expect((await copies(host, 'copy test')).text).toBe('away2.age: copied\nthe store has all of 4');
    // Of the same length.
    await onHost(lab, STORE, 'head -c 3000022 /dev/zero >/srv/copy/other');
    expect(await asRoot(`-T /srv/copy/other ${at}`)).toBe('200');
    expect(await copies(host, 'verify test 1')).toEqual({ status: 1, text: expect.stringContaining('gives away2.age back with other contents') as string });
    const mended = await copies(host, 'copy test');
    expect([mended.status, mended.text]).toEqual([0, 'away2.age: the store has something else under that name\naway2.age: copied\nthe store has all of 4']);
    expect((await copies(host, 'verify test 1')).status).toBe(0);
    await onHost(lab, host, 'touch -d "2 hours ago" /var/lib/copy-test/*.age');
    expect((await copies(host, 'verify test 2')).text).toMatch(/the newest, .*, is 2 hours old/);
  });

  test('a file that is not encrypted, or has changed since it was written, is told of, and holds no other up', async () => {
    const host = 'test-trixie';
    for (const name of ['damaged', 'open', 'sound']) await backUp(host, name);
    await onHost(lab, host, `cd /var/lib/copy-test; printf x | dd of=damaged.age bs=1 seek=1000 conv=notrunc 2>/dev/null; echo open >open.age; sha256sum open.age >open.age.sha256; touch 'a "b.age'; echo x >'a "b.age.sha256'`);
    const said = await copies(host, 'copy test');
    expect(said.status).toBe(1);
    expect(said.text.split('\n').sort()).toEqual([
      'care-s3-copy: a "b.age: no name for the store',
      'care-s3-copy: damaged.age is not as it was written, and is not copied',
      'care-s3-copy: open.age is not encrypted, and is not copied', 'sound.age: copied',
    ]);
    expect(await asRoot(`${store}/care/${host}/open.age`)).toBe('404');
    await onHost(lab, host, `cd /var/lib/copy-test; rm -f damaged.age* open.age* 'a "b.age' 'a "b.age.sha256'`);
  });

  test('a restore of Kubernetes finds the newest of all hosts and fetches it onto either, by an account that comes onto none', async () => {
    const newest = 'care-test-bookworm-20261127T020300Z.tar';
    for (const [host, name] of [['test-trixie', 'care-test-trixie-20261127T010300Z.tar'], ['test-bookworm', newest], ['test-bookworm', 'care-test-bookworm-20261126T020300Z.tar']] as const) await backUp(host, name);
    for (const host of HOSTS) expect((await copies(host, 'copy test')).status).toBe(0);
    const restore = (backup: string, more: Partial<RunOptions> = {}): ReturnType<typeof apply> => project.run({ playbooks: [path.join(project.dir, 'restore.yml')], diff: true, ...more, extraVars: { kubernetes_restore_backup: backup, ...more.extraVars } });
    const held = (host: string, file: string): Promise<string> => onHost(lab, host, `sha256sum <${file}`);
    expect((await restore('s3:newest', { mode: 'check', extraVars: THEIRS })).status).toBe(2);
    const applied = await restore('s3:newest', { extraVars: THEIRS });
    expect([HOSTS.map((host) => troubleOf(applied, host)), applied.status]).toEqual([['', ''], 0]);
    expect(JSON.stringify(applied.events)).toContain(`${newest}.age of test-bookworm, taken at 2026-11-27T02:03:00Z`);
    expect(JSON.stringify(applied.events)).not.toMatch(/KeyOfThePeople|X-Amz-Signature/);
    const archive = '/var/lib/care-kubernetes-restore/backup.tar.age';
    for (const host of HOSTS) expect([await held(host, archive), await onHost(lab, host, `stat -c '%U %a' ${archive}; ls -A /var/lib/care-kubernetes-restore; grep -rsl ${PEOPLE} /etc /run /var/lib/care-kubernetes-restore /root || echo nowhere`)]).toEqual([await held('test-bookworm', `/var/lib/copy-test/${newest}.age`), 'root 600\nbackup.tar.age\nnowhere']);
    // The hosts' own account may not list, and finds one that is named.
    const host = 'test-bookworm';
    expect(troubleOf(await restore('s3:newest', { limit: host }), host)).toMatch(/etcd-backup-care may not list what is in .*which is the newest/);
    expect((await restore('s3:care-test-trixie-20261127T010300Z.tar.age', { limit: host })).status).toBe(0);
    expect(await held(host, archive)).toBe(await held('test-trixie', '/var/lib/copy-test/care-test-trixie-20261127T010300Z.tar.age'));
    expect(troubleOf(await restore('s3:test-trixie/care-test-trixie-20261127T000000Z.tar.age', { limit: host, extraVars: THEIRS }), host)).toContain(`the newest there are test-bookworm/${newest}.age`);
    // Of the same length: its sum tells.
    expect(await asRoot(`-T /srv/copy/other ${store}/care/test-bookworm/${newest}.age`)).toBe('200');
    expect(troubleOf(await restore('s3:newest', { limit: host, extraVars: THEIRS }), host)).toContain('other contents than its sum says');
    await expect(restore('s3:newest', { extraVars: { restore_url: '' } })).rejects.toThrow('and kubernetes_restore_s3_url is empty');
    for (const name of HOSTS) await onHost(lab, name, 'rm -f /var/lib/copy-test/care-*');
  });

  test('wrong keys are named, what is not told half is refused, and no key is left when nothing is copied any more', async () => {
    const host = 'test-trixie';
    await backUp(host, 'late');
    for (const [vars, text] of [[{ copy_key: 'another-key-of-the-test' }, 'SignatureDoesNotMatch'], [{ copy_account: 'nobody' }, 'InvalidAccessKeyId'], [{ copy_region: 'eu-south-1' }, 'region'], [{ copy_account: 'etcd-restore', copy_key: PEOPLE }, 'AccessDenied']] as const) {
      const applied = await apply({ extraVars: vars, limit: host });
      expect([troubleOf(applied, host), applied.status]).toEqual([expect.stringContaining(text) as string, 3]);
      expect(JSON.stringify(applied.events)).not.toMatch(/another-key|KeyOfThePeople/);
      // The next backup says it as well.
      const said = await copies(host, 'copy test');
      expect([said.status, said.text]).toEqual([1, expect.stringContaining(text) as string]);
      // Who may read sees what is there.
      expect((await copies(host, 'newest test')).status).toBe(text === 'AccessDenied' ? 0 : 1);
    }
    expect(await onHost(lab, host, 'ls /var/lib/copy-test/late.age')).toBe('/var/lib/copy-test/late.age');
    await expect(apply({ extraVars: { copy_key: '' } })).rejects.toThrow('s3_copy_url needs s3_copy_secret_key');
    await expect(apply({ extraVars: { copy_url: 'http://store/etcd-backups' } })).rejects.toThrow('not encrypted on its way');
    expect((await project.run({ playbooks: [path.join(project.dir, 'absent.yml')], extraVars: { copy_account: '', copy_key: '' } })).status).toBe(0);
    for (const name of HOSTS) expect(await onHost(lab, name, 'ls /etc/care-s3-copy')).toBe('');
  });

  test('an account that may put and not read is told of after one file', async () => {
    const host = 'test-bookworm';
    expect((await succeeds(project, 0, { playbooks: [path.join(project.dir, 'store.yml')], extraVars: { minio_policies: [{ name: 'etcd-backup-care', policy: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: ['s3:PutObject'], Resource: 'arn:aws:s3:::etcd-backups/care/*' }] } }], minio_users: [] } })).status).toBe(0);
    for (const name of ['blind1', 'blind2']) await backUp(host, name);
    const applied = await apply({ limit: host });
    expect([troubleOf(applied, host), applied.status]).toEqual([expect.stringMatching(/care-s3-copy: blind2\.age is copied, and the account can't see it there: its policy must allow s3:GetObject/) as string, 3]);
    expect(await asRoot(`${store}/care/${host}/blind1.age`)).toBe('404');
  });
});

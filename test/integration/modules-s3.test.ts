/**
 * The s3_* and minio_* modules against a real MinIO, which was built from source into the artefact cache beforehand; without it
 * these are skipped. What holds for every module (predicted, applied, nothing left to do, drift mended), and what a store has
 * besides: secrets nowhere, wrong keys, object lock, accounts that are disabled.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cacheDirectory, cachedPath } from '../../src/artifacts/cache.ts';
import { findArtifact } from '../../src/artifacts/catalogue.ts';
import type { Lab } from '../../src/lab/index.ts';
import { loadCatalogue } from '../../src/language/artifact-catalogue.ts';
import type { RunOptions } from '../../src/run/options.ts';
import type { Result } from '../unit/run/support.ts';
import { hostVariables, labProject, onHost, troubleOf, type LabProject } from './support/lab-project.ts';
import { sharedLab } from './support/lab.ts';
import { changesOf, succeeds, unknownTasks } from './support/laws.ts';

const HOST = 'test-trixie';
const ROOT = 'RootOfTheTest2026';
const KEY = "a key, with 'quotes' & ü";
/** MinIO takes a year at most. */
const SOON = new Date(Date.now() + 200 * 86_400_000).toISOString();
const SECOND = 'KeyOfTheSecondHalf';
const found = findArtifact(loadCatalogue([]), 'minio', '2026-02-12');
const sha256 = found.type === 'found' ? (found.artifact.sha256['linux/amd64'] ?? '') : '';

const ENVIRONMENT = `MINIO_ROOT_USER=care-root
MINIO_ROOT_PASSWORD=${ROOT}
MINIO_UPDATE=off
MINIO_BROWSER=off
MINIO_KMS_SECRET_KEY=care:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=
`;
const UNIT = `[Service]
Type=exec
EnvironmentFile=/srv/s3/environment
ExecStart=/usr/local/bin/minio server --quiet --address 127.0.0.1:9123 --certs-dir /srv/s3/certs /srv/s3/drive{1...4}
`;
const LOGIN = 'endpoint_url: "https://127.0.0.1:9123", access_key: care-root, secret_key: "{{ root_key }}", ca_cert: "{{ ca }}"';
const BOOK = `
- name: store
  hosts: all
  tasks:
    - {name: program, artifact: {name: minio, version: 2026-02-12, dest: /usr/local/bin/minio, owner: root, group: root, mode: "0755"}}
    - {name: unit, copy: {dest: /etc/systemd/system/s3-test.service, content: "{{ unit }}", owner: root, group: root, mode: "0600"}}
    - {name: start, systemd: {name: s3-test.service, state: started}}
    - {name: port, wait_for: {host: 127.0.0.1, port: 9123, timeout: 60}}
    - {name: patient, s3_bucket: {name: care-patient, versioning: true, tags: {team: care, "a b": "n@x+y"}, encryption: AES256, quota: 1GiB, ${LOGIN}}}
    - {name: facility, s3_bucket: {name: care-facility, versioning: false, quota: 0, tags: {}, encryption: none, notifications: [], cors_rules: [], ${LOGIN}}}
    - {name: backups, s3_bucket: {name: backups, object_lock_enabled: true, object_lock_default_retention: {mode: GOVERNANCE, days: 1}, ${LOGIN}}}
    - name: lifecycle
      s3_lifecycle:
        name: care-patient
        rules:
          - {id: old, noncurrent_version_expiration: {noncurrent_days: 90, newer_noncurrent_versions: 3}}
          - {id: markers, expiration: {expired_object_delete_marker: true}}
          - {id: past, prefix: "tmp & co/", tags: {kind: scratch, x: "y"}, expiration: {date: "2020-01-31"}}
          - {id: big, status: Disabled, object_size_greater_than: 1048576, expiration: {days: 365}}
        ${LOGIN.split(', ').join('\n        ')}
    - {name: public, s3_policy: {name: care-facility, policy: {Statement: [{Effect: Allow, Principal: "*", Action: ["s3:GetObject"], Resource: "arn:aws:s3:::care-facility/*"}, {Sid: tls, Effect: Deny, Principal: {AWS: "*"}, Action: "s3:*", Resource: ["arn:aws:s3:::care-facility/*", "arn:aws:s3:::care-facility"], Condition: {Bool: {"aws:SecureTransport": false}}}]}, ${LOGIN}}}
    - {name: policy, minio_policy: {name: care-backend, policy: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: ["s3:PutObject", "s3:GetObject", "s3:DeleteObject"], Resource: "arn:aws:s3:::care-patient/*"}, {Effect: Allow, Action: "s3:ListBucket", Resource: "arn:aws:s3:::care-patient"}]}, ${LOGIN}}}
    - {name: user, minio_user: {name: care-backend, password: "{{ key }}", policies: [care-backend], ${LOGIN}}}
    - {name: idle, minio_user: {name: idle, password: "{{ key }}", enabled: false, ${LOGIN}}}
    - {name: second key, minio_service_account: {name: care-2026b, user: care-backend, password: "{{ second }}", description: second half, expires: "${SOON}", policy: {Statement: [{Effect: Allow, Action: "s3:GetObject", Resource: "arn:aws:s3:::care-patient/*"}]}, ${LOGIN}}}
    - {name: third key, minio_service_account: {name: care-2026c, user: care-backend, password: "{{ second }}3", ${LOGIN}}}
    - {name: settings, minio_config: {sub_system: api, settings: {stale_uploads_expiry: 168h, requests_max: 500}, ${LOGIN}}, register: settings}
    - {name: scanner, minio_config: {sub_system: scanner, settings: {speed: fastest}, ${LOGIN}}}
`;

let lab: Lab;
let project: LabProject;

/** One playbook of one play. */
function play(tasks: string, options: Partial<RunOptions> = {}): Promise<Result> {
  project.write('one.yml', `- hosts: all\n  tasks:\n${tasks.trim().split('\n').map((line) => `    ${line}`).join('\n')}\n`);
  return project.run({ playbooks: [path.join(project.dir, 'one.yml')], diff: true, ...options });
}
const troubleIn = async (tasks: string): Promise<string> => troubleOf(await play(tasks), HOST);

/** curl with an account, on the host: its status. */
async function status(account: string, key: string, args: string): Promise<string> {
  return onHost(lab, HOST, `cat >/run/s3-account <<'END'\nuser = "${account}:${key}"\naws-sigv4 = "aws:amz:us-east-1:s3"\nEND\ncurl -q -s -m 20 -o /run/s3-body -w '%{http_code}' -K /run/s3-account --cacert /srv/s3/certs/public.crt ${args}; rm -f /run/s3-account`);
}

describe.skipIf(!existsSync(cachedPath(cacheDirectory(), sha256)))('a MinIO (care-provision artifacts fetch minio)', () => {
  beforeAll(async () => {
    lab = await sharedLab();
    const drives = [1, 2, 3, 4].map((n) => `mkdir -p /srv/s3/drive${String(n)}; mount -t tmpfs -o size=600m s3-${String(n)} /srv/s3/drive${String(n)}`).join('; ');
    const ca = await onHost(lab, HOST, `mkdir -p /srv/s3/certs; umask 077; printf '%s' '${ENVIRONMENT}' >/srv/s3/environment; ${drives}; command -v curl >/dev/null && command -v openssl >/dev/null || { apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq curl openssl; } >/dev/null 2>&1; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=s3-test -addext 'subjectAltName=IP:127.0.0.1' -keyout /srv/s3/certs/private.key -out /srv/s3/certs/public.crt 2>/dev/null; cat /srv/s3/certs/public.crt`);
    const vars = { ca, unit: UNIT, root_key: `{{ secret "${ROOT}" }}`, key: `{{ secret "${KEY}" }}`, second: SECOND };
    project = labProject({
      'inventory.yml': JSON.stringify({ all: { hosts: { [HOST]: hostVariables(lab, HOST) }, vars } }),
      'artifacts.yml': 'end_of_life_accepted:\n  - { name: minio, version: 2026-02-12, until: 9999-12-31, reason: a test }\n',
      'playbook.yml': BOOK,
    });
  });
  afterAll(async () => {
    project.remove();
    await onHost(lab, HOST, 'systemctl stop s3-test; rm -f /etc/systemd/system/s3-test.service /usr/local/bin/minio; systemctl daemon-reload; umount /srv/s3/drive1 /srv/s3/drive2 /srv/s3/drive3 /srv/s3/drive4; rm -rf /srv/s3');
  });

  test('a bare host: check predicts what apply does; a second apply changes nothing; no secret is told', async () => {
    const checked = await succeeds(project, 2, { mode: 'check' });
    expect(unknownTasks(checked)).toEqual([]);
    const applied = await succeeds(project, 0);
    expect(changesOf(project, applied)).toEqual(changesOf(project, checked));
    expect(changesOf(project, applied).length).toBeGreaterThan(20);
    const again = await succeeds(project, 0);
    expect(changesOf(project, again)).toEqual([]);
    expect((await succeeds(project, 0, { mode: 'check' })).summary?.total).toMatchObject({ changed: 0, unknown: 0 });
    for (const secret of [ROOT, KEY, SECOND]) expect(JSON.stringify(applied.events)).not.toContain(secret);
  }, 300_000);

  test('what was declared is there: accounts may do what they may, and no more', async () => {
    const object = 'https://127.0.0.1:9123/care-patient/object';
    await onHost(lab, HOST, 'echo hello >/srv/s3/object');
    const put = `-H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' -T /srv/s3/object`;
    expect(await status('care-root', ROOT, `-X PUT -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' -T /srv/s3/object https://127.0.0.1:9123/care-facility/object`)).toBe('200');
    expect(await status('care-backend', KEY, `${put} ${object}`)).toBe('200');
    expect(await status('care-backend', KEY, object)).toBe('200');
    expect(await status('care-2026b', SECOND, object)).toBe('200');
    expect(await status('care-2026b', SECOND, `${put} ${object}`)).toBe('403');
    expect(await status('care-2026c', `${SECOND}3`, `${put} ${object}`)).toBe('200');
    expect(await status('care-backend', KEY, 'https://127.0.0.1:9123/backups/')).toBe('403');
    expect(await status('idle', KEY, object)).toBe('403');
    expect(await onHost(lab, HOST, `curl -q -s -w '%{http_code} ' --cacert /srv/s3/certs/public.crt -o /dev/null https://127.0.0.1:9123/care-facility/object -o /dev/null https://127.0.0.1:9123/care-facility/; curl -q -s -o /dev/null -w '%{http_code}' --cacert /srv/s3/certs/public.crt ${object}`)).toBe('200 403 403');
    expect(await onHost(lab, HOST, `printf 'user = "care-backend:%s"\\naws-sigv4 = "aws:amz:us-east-1:s3"\\n' ${JSON.stringify(KEY)} >/run/s3-a; curl -q -s -I -K /run/s3-a --cacert /srv/s3/certs/public.crt ${object} | tr -d '\\r' | grep -i '^x-amz-server-side'; rm /run/s3-a`)).toBe('X-Amz-Server-Side-Encryption: AES256');
  });

  test('drift made by hand is found and mended, and nothing else', async () => {
    const drift = await play(`- s3_bucket: {name: care-patient, versioning: false, tags: {team: other}, encryption: none, quota: 2GiB, ${LOGIN}}
- s3_lifecycle: {name: care-patient, state: absent, ${LOGIN}}
- s3_policy: {name: care-facility, policy: {Statement: [{Effect: Allow, Principal: "*", Action: ["s3:GetObject", "s3:ListBucket"], Resource: ["arn:aws:s3:::care-facility/*", "arn:aws:s3:::care-facility"]}]}, ${LOGIN}}
- minio_policy: {name: care-backend, policy: {Statement: [{Effect: Allow, Action: "s3:*", Resource: "arn:aws:s3:::*"}]}, ${LOGIN}}
- minio_user: {name: care-backend, password: another-key, policies: [care-backend, readwrite], ${LOGIN}}
- minio_user: {name: idle, ${LOGIN}}
- minio_service_account: {name: care-2026b, user: care-backend, password: another-key, ${LOGIN}}
- minio_config: {sub_system: api, settings: {requests_max: 7}, ${LOGIN}}`);
    expect([troubleOf(drift, HOST), drift.status]).toEqual(['', 0]);
    const wanted = ['idle|MinIO user idle', 'lifecycle|bucket care-patient', ...Array.from({ length: 4 }, () => 'patient|bucket care-patient'), 'policy|MinIO policy care-backend', 'public|bucket care-facility', 'second key|MinIO service account care-2026b', 'settings|MinIO settings api', 'user|MinIO user care-backend', 'user|MinIO user care-backend'].map((c) => `${HOST}|${c}`).sort();
    const checked = await succeeds(project, 2, { mode: 'check' });
    expect(changesOf(project, checked)).toEqual(wanted);
    expect(changesOf(project, await succeeds(project, 0))).toEqual(wanted);
    expect(changesOf(project, await succeeds(project, 0, { mode: 'check' }))).toEqual([]);
  });

  test('what goes, goes, and what holds anything does not', async () => {
    expect(await troubleIn(`- minio_policy: {name: care-backend, state: absent, ${LOGIN}}`)).toContain('care-backend has it');
    expect(await troubleIn(`- s3_bucket: {name: care-patient, state: absent, ${LOGIN}}`)).toMatch(/BucketNotEmpty[^]*a bucket is never emptied by this program/);
    const gone = await play(`- minio_service_account: {name: care-2026c, user: care-backend, state: absent, ${LOGIN}}
- minio_user: {name: idle, state: absent, ${LOGIN}}
- s3_bucket: {name: throw-away, ${LOGIN}}
- s3_bucket: {name: throw-away, state: absent, ${LOGIN}}`);
    expect([troubleOf(gone, HOST), gone.status]).toEqual(['', 0]);
    expect(await status('care-2026c', `${SECOND}3`, 'https://127.0.0.1:9123/care-patient/object')).toBe('403');
  });

  test('refusals say what to do', async () => {
    expect(await troubleIn(`- s3_bucket: {name: care-facility, object_lock_enabled: true, ${LOGIN}}`)).toMatch(/care-facility is there without object lock\nTo do: object lock comes with a new bucket only/);
    expect(await troubleIn(`- s3_bucket: {name: backups, object_lock_enabled: false, ${LOGIN}}`)).toContain('object lock, which is never taken away');
    expect(await troubleIn(`- s3_bucket: {name: x-y-z, ${LOGIN.replace('{{ root_key }}', 'not the root key')}}`)).toMatch(/SignatureDoesNotMatch[^]*To do: the secret key is not the one/);
    expect(await troubleIn(`- s3_bucket: {name: x-y-z, ${LOGIN.replace('care-root', 'nobody')}}`)).toMatch(/InvalidAccessKeyId[^]*To do: the store has no such account/);
    expect(await troubleIn(`- s3_bucket: {name: x-y-z, ${LOGIN.replace('"{{ root_key }}"', '"{{ key }}"').replace('care-root', 'care-backend')}}`)).toMatch(/AccessDenied[^]*To do: the account that logs in may not do this/);
    expect(await troubleIn(`- s3_bucket: {name: x-y-z, ${LOGIN.replace('127.0.0.1', 'localhost')}}`)).toContain("the store's certificate is not accepted");
    expect(await troubleIn(`- s3_bucket: {name: x-y-z, ${LOGIN.replace('9123', '9124')}}`)).toMatch(/9124/);
    expect(await troubleIn(`- minio_user: {name: new-one, password: a-new-key, policies: [no-such-policy], ${LOGIN}}`)).toMatch(/XMinioAdminNoSuchPolicy[^]*To do: make the policy in an earlier task/);
    expect(await troubleIn(`- s3_bucket: {name: care-facility, cors_rules: [{allowed_origins: ["https://care.example"], allowed_methods: [GET]}], ${LOGIN}}`)).toMatch(/NotImplemented[^]*To do: this store does not know that feature/);
    expect(await troubleIn(`- s3_lifecycle: {name: no-such-bucket, rules: [{id: x, expiration: {days: 1}}], ${LOGIN}}`)).toContain('there is no bucket no-such-bucket');
  });
});

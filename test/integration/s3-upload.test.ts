/**
 * care-s3 of role s3_upload (dash, busybox) with the account that role minio makes of the policy in docs/roles/s3_upload.md, on the real MinIO as one
 * process: puts, is held against its digest, and may do nothing else. Under half a minute.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { packageRoot } from '../../src/support/package-root.ts';
import { Secret } from '../../src/support/secret.ts';
import { Caller, header, sha256 } from '../drills/support/s3-contract.ts';
import { ROOT } from '../drills/support/s3-contract-tests.ts';
import { hasMinio, minioProcess, type MinioProcess } from '../support/minio-process.ts';
import { labProject, type LabProject } from './support/lab-project.ts';

const PROGRAM = path.join(packageRoot(), 'roles', 's3_upload', 'files', 'care-s3');
const KEY = 'Key"of\\the~uploads';
/** What the role's page tells people to declare. */
const DECLARED = z.record(z.string(), z.unknown()).parse(parse(/```yaml\n(# group minio\n[^`]*)```/.exec(readFileSync(path.join(packageRoot(), 'docs', 'roles', 's3_upload.md'), 'utf8'))?.[1] ?? '', { customTags: [{ tag: '!secret', resolve: (text: string) => text }] }));

let minio: MinioProcess;
let project: LabProject;
let folder: string;
let account: string;

interface Ended { readonly status: number; readonly stdout: string; readonly stderr: string }
function run(shell: readonly [string, ...string[]], args: readonly string[], url: readonly string[] = []): Promise<Ended> {
  const [name, ...first] = shell;
  return new Promise((resolve) => {
    execFile(name, [...first, PROGRAM, ...args, ...url], { env: { ...process.env, TMPDIR: folder, CARE_S3_DELAY: '1', CARE_S3_SECONDS: '20' }, timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code), stdout: stdout.trim(), stderr: stderr.trim() });
    });
  });
}
const inside = (name: string): string => path.join(folder, name);
const at = (name: string): string => `https://127.0.0.1:${String(minio.port)}/logs/${name}`;

describe.skipIf(!hasMinio)('care-s3, on a MinIO (care-provision artifacts fetch minio)', () => {
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'care s3-'));
    minio = await minioProcess(ROOT);
    const vars = { ...DECLARED, minio_users: [{ name: 'logs', password: '{{ key_of_the_logs }}', policies: ['logs'] }], minio_root_password: `{{ secret "${ROOT.key}" }}`, minio_authority: minio.store.ca, minio_port: minio.port, minio_address: '127.0.0.1', minio_started: { changed: false } };
    project = labProject({
      'inventory.yml': JSON.stringify({ all: { hosts: { store: { ansible_connection: 'local' } }, vars, children: { minio: { hosts: { store: null } } } } }),
      'data.yml': `- hosts: store\n  gather_facts: false\n  tasks:\n    - include_role: {name: "${path.join(packageRoot(), 'roles', 'minio')}", tasks_from: data}\n`,
    });
    const told = await project.run({ playbooks: [path.join(project.dir, 'data.yml')], hostLockDirectory: inside('locks'), extraVars: { key_of_the_logs: new Secret(KEY) } });
    expect([told.events.flatMap((e) => (e.type === 'task' && e.status === 'failed' ? [`${e.task}: ${e.error ?? e.msg ?? ''}`] : [])), told.status]).toEqual([[], 0]);
    account = inside('account.conf');
    // As tasks/main.yml of the role writes it.
    writeFileSync(account, `user = ${JSON.stringify(`logs:${KEY}`)}\naws-sigv4 = "aws:amz:us-east-1:s3"\ncacert = ${JSON.stringify(minio.caFile)}\n`);
    writeFileSync(inside('small'), 'a line of a log\n');
    writeFileSync(inside('empty'), '');
    writeFileSync(inside('large'), Buffer.alloc(3_000_000, 'lines of a log\n'));
    writeFileSync(inside('huge'), '');
    truncateSync(inside('huge'), 5_368_709_121);
  });
  afterAll(async () => {
    project.remove();
    await minio.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  describe.each([['dash', ['dash']], ['busybox', ['busybox', 'sh']]] as const)('%s', (name, shell) => {
    it.each(['small', 'empty', 'large'])('the store has what was put: %s', async (file) => {
      expect(await run(shell, ['put', account, inside(file), at(`${name}/${file}.age`)])).toEqual({ status: 0, stdout: '', stderr: '' });
      const bytes = readFileSync(inside(file));
      const got = await minio.root.send('GET', `/logs/${name}/${file}.age`, { headers: { 'x-amz-checksum-mode': 'ENABLED' } });
      expect([sha256(got.body), header(got, 'x-amz-checksum-sha256'), header(got, 'x-amz-object-lock-mode')]).toEqual([sha256(bytes), Buffer.from(sha256(bytes), 'hex').toString('base64'), 'GOVERNANCE']);
      expect(await run(shell, ['size', account, at(`${name}/${file}.age`)])).toEqual({ status: 0, stdout: String(bytes.length), stderr: '' });
    });

    it('says why it is not stored, and shows nothing of the account', async () => {
      const elsewhere = await run(shell, ['put', account, inside('small'), at('x').replace('/logs/', '/other/')]);
      expect(elsewhere).toMatchObject({ status: 1, stderr: expect.stringMatching(/other\/x is not stored: .*403.*AccessDenied/) as string });
      writeFileSync(inside('wrong.conf'), readFileSync(account, 'utf8').replace('logs:', 'logs:not-'));
      expect(await run(shell, ['put', inside('wrong.conf'), inside('small'), at('x')])).toMatchObject({ status: 1, stderr: expect.stringContaining('SignatureDoesNotMatch') as string });
      expect(await run(shell, ['size', account, at('nothing-there')])).toMatchObject({ status: 1, stderr: expect.stringMatching(/40[34]/) as string });
      expect(await run(shell, ['put', account, inside('small'), at('x').replace(/:\d+/, ':1')])).toMatchObject({ status: 1, stderr: expect.stringMatching(/connect/i) as string });
    });

    it('refuses what can’t be', async () => {
      const refused = async (...args: string[]): Promise<string> => { const { status, stderr } = await run(shell, args); return `${String(status)} ${stderr}`; };
      expect(await refused('put', account, inside('huge'), at('x'))).toMatch(/^2 .*has 5368709121 bytes/);
      expect(await refused('put', account, inside('no-file'), at('x'))).toMatch(/^2 /);
      expect(await refused('put', inside('no-account'), inside('small'), at('x'))).toMatch(/^2 .*can't be read/);
      expect(await refused('put', account, inside('small'), at('x').replace('https', 'http'))).toMatch(/^2 .*is not https/);
      expect(await refused('put', account, inside('small'), at('a b'))).toMatch(/^2 .*letters, digits/);
      expect(await refused('put', account, inside('small'))).toMatch(/^2 /);
    });
  });

  it('the account may neither list nor delete what is there, nor read what is elsewhere', async () => {
    const caller = new Caller(minio.store, { name: 'logs', key: KEY });
    await minio.root.put('/other/x', 'x');
    const versionId = header(await minio.root.send('HEAD', '/logs/dash/small.age'), 'x-amz-version-id');
    const asked = [['GET', '/logs', { query: { 'list-type': '2' } }], ['DELETE', '/logs/dash/small.age'], ['DELETE', '/logs/dash/small.age', { query: { versionId }, headers: { 'x-amz-bypass-governance-retention': 'true' } }], ['GET', '/other/x']] as const;
    const told: number[] = [];
    for (const [method, what, more] of asked) told.push(await caller.status(method, what, more ?? {}));
    expect(told).toEqual([403, 403, 403, 403]);
    expect(await caller.status('GET', '/logs/dash/small.age')).toBe(200);
    await caller.close();
  });
});

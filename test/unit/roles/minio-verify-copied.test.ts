/** What `verify` of role minio makes of a bucket that is copied, with a stand-in for curl: a store that says what the test says. */
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readMapFile } from '../../../src/language/playbook/role.ts';
import { createScope } from '../../../src/language/scope.ts';

const ROLE = path.join(import.meta.dirname, '../../../roles/minio');
const SCRIPT = path.join(ROLE, 'files/verify.sh');
let directory = '';
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'care-minio-verify-'));
  mkdirSync(path.join(directory, 'work'));
});
afterEach(() => { rmSync(directory, { recursive: true, force: true }); });

/** Keeps what is uploaded, gives it back, and says `$DELETED` when a version is deleted, `$LOCK` among the headers of one. */
const CURL = `#!/bin/sh
for last; do :; done
out= head= upload= method=GET
while [ $# -gt 0 ]; do
  case $1 in
    -o) out=$2; shift ;;
    -D) head=$2; shift ;;
    -T) upload=$2; method=PUT; shift ;;
    -X) method=$2; shift ;;
    -I) method=HEAD ;;
  esac
  shift
done
printf '%s %s\\n' "$method" "$last" >>"$STORE/asked"
: >"$out"
case "$method $last" in
  PUT*) cp "$upload" "$STORE/object"; printf 'x-amz-version-id: v1\\r\\n' >"$head"; printf 200 ;;
  'DELETE '*versionId=m1) printf 204 ;;
  'DELETE '*versionId=v1) printf '%s' "$DELETED" ;;
  DELETE*) rm "$STORE/object"; printf 'x-amz-version-id: m1\\r\\n' >"$head"; printf 204 ;;
  HEAD*) printf 'HTTP/1.1 200 OK\\r\\n%s\\r\\n' "$LOCK" >"$head"; printf 200 ;;
  GET*) if [ -f "$STORE/object" ]; then cp "$STORE/object" "$out"; printf 200; else printf 404; fi ;;
esac
`;

function verify(shell: readonly [string, ...string[]], said: { readonly deleted: string; readonly lock?: string }, prefix: readonly string[] = []): Promise<{ readonly status: number; readonly out: string; readonly asked: readonly string[] }> {
  writeFileSync(path.join(directory, 'curl'), CURL);
  chmodSync(path.join(directory, 'curl'), 0o755);
  const [name, ...first] = shell;
  return new Promise((resolve) => {
    const env = { PATH: `${directory}:${process.env['PATH'] ?? ''}`, TMPDIR: path.join(directory, 'work'), STORE: directory, DELETED: said.deleted, LOCK: said.lock ?? '' };
    const child = execFile(name, [...first, SCRIPT, 'copied', 'https://here', 'care-root', 'us-east-1', 'care', 'https://there', 'care', 'from-here', 'true', ...prefix], { env, timeout: 20_000 }, (error, out) => {
      resolve({ status: error === null ? 0 : Number(error.code), out, asked: readFileSync(path.join(directory, 'asked'), 'utf8').trim().split('\n') });
    });
    child.stdin?.end('one-password\nanother-password\n');
  });
}

describe.each([['dash', ['dash']], ['busybox', ['busybox', 'sh']]] as const)('verify.sh copied, %s', (_name, shell) => {
  test('tries an object that the rule is for: below its prefix', async () => {
    const plain = await verify([...shell], { deleted: '204' });
    expect(plain).toMatchObject({ status: 0, out: '' });
    expect(plain.asked[0]).toMatch(/^PUT https:\/\/here\/care\/care-verify\/[0-9a-f]{32}$/);
    rmSync(path.join(directory, 'asked'));
    const below = await verify([...shell], { deleted: '204' }, ['ward%20one/']);
    expect(below.status).toBe(0);
    expect(below.asked[0]).toMatch(/^PUT https:\/\/here\/care\/ward%20one\/care-verify\/[0-9a-f]{32}$/);
    expect(below.asked[1]).toMatch(/^GET https:\/\/there\/care\/ward%20one\/care-verify\/[0-9a-f]{32}$/);
  });

  test('leaves a version that object lock keeps, and goes on; one that is not deleted for another reason is told', async () => {
    const locked = await verify([...shell], { deleted: '400', lock: 'x-amz-object-lock-mode: GOVERNANCE' });
    expect(locked).toMatchObject({ status: 0, out: '' });
    expect(locked.asked.at(-1)).toMatch(/^DELETE .*versionId=m1$/);
    const kept = await verify([...shell], { deleted: '403' });
    expect(kept).toMatchObject({ status: 1, out: expect.stringContaining('deleting a version of the object of care: 403') as string });
  });
});

test('the role hands over prefixes percent-encoded, folders as they are; and lets copies of locked objects in', () => {
  const target = { endpoint_url: 'https://there', access_key: 'from-here', secret_key: 'KeyOfTheCopies26' };
  const scope = createScope([
    { values: readMapFile(path.join(ROLE, 'vars/main.yml'), 'strict'), templated: true },
    { values: { minio_replication: [{ bucket: 'care', targets: [target, { ...target, prefix: 'ward one/x' }] }], minio_replication_sources: [{ name: 'from-here', buckets: ['care'] }] }, templated: true },
  ]);
  expect(scope.get('minio_copies')).toMatchObject([{ bucket: 'care', prefix: '' }, { bucket: 'care', prefix: 'ward%20one/x' }]);
  expect(scope.get('minio_replica_policies')).toMatchObject({ 'from-here': { Statement: [{}, { Action: expect.arrayContaining(['s3:PutObjectRetention', 's3:PutObjectLegalHold']) as unknown, Resource: ['arn:aws:s3:::care/*'] }] } });
});

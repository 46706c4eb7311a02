/** Keys of Secrets that change, with stand-ins for etcdctl and kubectl that keep Secrets in files; the drill changes those of a real cluster. */
import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { kubernetesProgram, SHELLS, type Programs } from './support/kubernetes-programs.ts';

const FILE = 'etc/policies/encryption.yaml';
const line = (name: string, secret = `secret-of-${name}`): string => `            - { name: "${name}", secret: "${secret}" }`;
const configuration = (...keys: readonly string[]): string => ['kind: EncryptionConfiguration', '      - secretbox:', '          keys:', ...keys, '      - identity: {}', ''].join('\n');
const FORMER = configuration(line('old'));
const BOTH = configuration(line('new'), line('old'));

let its: Programs;
beforeEach(() => {
  its = kubernetesProgram('care-kubernetes-encryption');
  its.file(FILE, FORMER);
  mkdirSync(path.join(its.directory, 'secrets'));
  // Two Secrets of the former key. An API server writes by the first key of its file.
  for (const each of ['a', 'b']) its.file(`secrets/${each}`, 'k8s:enc:secretbox:v1:old:xxxx');
  its.program('etcdctl', `case "$*" in *--keys-only) for f in '${its.directory}'/secrets/*; do echo "/registry/secrets/x/\${f##*/}"; done ;; *) cat '${its.directory}'/secrets/"\${2##*/}" ;; esac`);
  its.program('kubectl', `case "$*" in
  *metrics) echo "apiserver_encryption_config_controller_last_config_info{hash=\\"sha256:$(sha256sum <'${its.directory}/${FILE}' | cut -d' ' -f1)\\"} 1" ;;
  *' replace '*) key=$(sed -n 's/.*name: "\\([a-z]*\\)".*/\\1/p' '${its.directory}/${FILE}' | head -n 1); for f in '${its.directory}'/secrets/*; do echo "k8s:enc:secretbox:v1:$key:yyyy" >"$f"; done ;;
esac`);
});
afterEach(() => { its.remove(); });

describe.each(SHELLS)('care-kubernetes-encryption, %s', (_name, shell) => {
  const step = (name: string, asked: string): ReturnType<Programs['run']> => its.run(shell, [name], asked);

  test('goes from one key to another without a moment in which an API server writes what another cannot read', async () => {
    expect(await step('current', BOTH)).toMatchObject({ status: 1 });
    expect(await step('read', BOTH)).toMatchObject({ status: 0 });
    expect(its.read(FILE)).toBe(configuration(line('old'), line('new')));
    expect(await step('write', BOTH)).toMatchObject({ status: 0 });
    expect(its.read(FILE)).toBe(BOTH);
    expect(await step('rewrite', BOTH)).toMatchObject({ status: 0, stdout: 'all Secrets are encrypted by key new\n' });
    expect(its.read('secrets/b')).toContain(':new:');
    const alone = configuration(line('new'));
    for (const each of ['read', 'write', 'rewrite', 'only']) expect(await step(each, alone)).toMatchObject({ status: 0 });
    expect(its.read(FILE)).toBe(alone);
    expect(await step('current', alone)).toMatchObject({ status: 0 });
  });

  test('no key goes that a Secret needs', async () => {
    expect(await step('only', configuration(line('new')))).toMatchObject({ status: 1, stderr: expect.stringContaining('2 Secrets need a key that is to go, such as /registry/secrets/x/a') as string });
    expect(its.read(FILE)).toBe(FORMER);
  });

  test('no key goes when etcd does not give a Secret that may need it', async () => {
    its.program('etcdctl', `case "$*" in *--keys-only) echo /registry/secrets/x/a ;; *) echo 'context deadline exceeded' >&2; exit 1 ;; esac`);
    expect(await step('only', configuration(line('new')))).toMatchObject({ status: 1, stderr: expect.stringContaining("/registry/secrets/x/a in etcd can't be read: context deadline exceeded") as string });
    expect(its.read(FILE)).toBe(FORMER);
  });

  test('no key stays in memory after a step that has failed', async () => {
    expect(await step('read', configuration(line('old', 'another')))).toMatchObject({ status: 1 });
    expect(readdirSync(path.join(its.directory, 'run')).filter((name) => /keys|yaml/.test(name))).toEqual([]);
  });

  test('nothing is written by a key that is not read by yet, and no name stands for two keys', async () => {
    expect(await step('write', BOTH)).toMatchObject({ status: 1, stderr: expect.stringContaining('can not be read by yet') as string });
    expect(await step('read', configuration(line('old', 'another')))).toMatchObject({ status: 1, stderr: expect.stringContaining('a new key has a new name') as string });
    expect(its.read(FILE)).toBe(FORMER);
  });

  test('waits for the API server to go by it, and says when it does not', async () => {
    its.program('kubectl', 'exit 1');
    expect(await step('read', BOTH)).toMatchObject({ status: 1, stderr: expect.stringContaining('has not read') as string });
  });
});

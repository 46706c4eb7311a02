/** Which serving certificates of kubelets role kubernetes signs, with a stand-in for kubectl and real requests; the drill does it with a real cluster. */
import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const SCRIPT = path.join(import.meta.dirname, '..', '..', '..', 'roles', 'kubernetes', 'files', 'care-kubelet-csr');

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'care-csr-'));
  writeFileSync(path.join(directory, 'nodes'), '# NAME ADDRESS\nk1 192.0.2.11\nk2 192.0.2.12\n');
  writeFileSync(path.join(directory, 'list'), '');
  // `get csr …` gives the list, `certificate approve NAME` notes the name.
  writeFileSync(path.join(directory, 'kubectl'), `#!/bin/sh\ncase " $* " in *' certificate approve '*) for w do last=$w; done; echo "$last" >>'${directory}/approved' ;; *) cat '${directory}/list' ;; esac\n`);
  chmodSync(path.join(directory, 'kubectl'), 0o755);
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

function request(subject: string, names: string | undefined): string {
  const san = names === undefined ? [] : ['-addext', `subjectAltName=${names}`];
  const pem = execFileSync('openssl', ['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', '/dev/null', '-subj', subject, ...san], { stdio: ['ignore', 'pipe', 'ignore'] });
  return pem.toString('base64');
}

interface Asked {
  readonly name: string;
  /** Who asks, as the API server knows him. */
  readonly user: string;
  readonly subject: string;
  readonly names: string | undefined;
  readonly state?: string;
}

function approve(shell: readonly [string, ...string[]], asked: readonly Asked[]): Promise<{ readonly approved: readonly string[]; readonly stderr: string }> {
  writeFileSync(path.join(directory, 'list'), asked.map((each) => `${each.name} ${each.user} ${request(each.subject, each.names)} .${each.state ?? ''}\n`).join(''));
  const [program, ...first] = shell;
  const env = { CARE_CSR_PATH: `${directory}:${process.env['PATH'] ?? ''}`, PATH: process.env['PATH'], CARE_CSR_NODES: path.join(directory, 'nodes'), CARE_CSR_RUN: directory };
  return new Promise((resolve) => {
    execFile(program, [...first, SCRIPT, 'approve'], { env, timeout: 30_000 }, (_error, _stdout, stderr) => {
      const notes = path.join(directory, 'approved');
      resolve({ approved: existsSync(notes) ? readFileSync(notes, 'utf8').trim().split('\n') : [], stderr });
    });
  });
}

const own = (node: string, address: string): Omit<Asked, 'name'> => ({ user: `system:node:${node}`, subject: `/O=system:nodes/CN=system:node:${node}`, names: `DNS:${node},IP:${address}` });

describe.each([['dash', ['dash']], ['busybox', ['busybox', 'sh']]] as const)('%s', (_name, shell) => {
  test('a node gets one for its own name and address', async () => {
    expect((await approve(shell, [{ name: 'a', ...own('k1', '192.0.2.11') }, { name: 'b', ...own('k2', '192.0.2.12'), names: 'IP:192.0.2.12' }])).approved).toEqual(['a', 'b']);
  });

  test('waiting goes on over an API server that is silent for a moment', async () => {
    // Silent when it is first asked for the list.
    writeFileSync(path.join(directory, 'kubectl'), `#!/bin/sh\ncase " $* " in *' csr '*) [ -e '${directory}/asked' ] || { : >'${directory}/asked'; echo 'connection refused' >&2; exit 1; } ;; *' --raw '*) [ -e '${directory}/again' ] || { : >'${directory}/again'; exit 1; } ;; esac\n`);
    const [program, ...first] = shell;
    const status = await new Promise((resolve) => {
      execFile(program, [...first, SCRIPT, 'await', 'k1'], { env: { CARE_CSR_PATH: `${directory}:${process.env['PATH'] ?? ''}`, PATH: process.env['PATH'], CARE_CSR_NODES: path.join(directory, 'nodes'), CARE_CSR_RUN: directory, CARE_CSR_SECONDS: '20' }, timeout: 30_000 }, (error) => { resolve(error === null ? 0 : error.code); });
    });
    expect(status).toBe(0);
  });

  test('what was decided already is left alone', async () => {
    expect((await approve(shell, [{ name: 'a', ...own('k1', '192.0.2.11'), state: 'Approved.' }, { name: 'b', ...own('k1', '192.0.2.11'), state: 'Denied.' }])).approved).toEqual([]);
  });

  test.each([
    ['another address', { ...own('k1', '192.0.2.99') }, '192.0.2.99'],
    ['another name besides its own', { ...own('k1', '192.0.2.11'), names: 'DNS:k1,DNS:kubernetes.default.svc,IP:192.0.2.11' }, 'kubernetes.default.svc'],
    ['no name at all', { ...own('k1', '192.0.2.11'), names: undefined }, 'no name'],
    ['the name of another node', { ...own('k2', '192.0.2.12'), user: 'system:node:k1' }, 'it names'],
    ['a subject with more in it', { ...own('k1', '192.0.2.11'), subject: '/O=system:nodes/O=system:masters/CN=system:node:k1' }, 'it names'],
    ['a node that the inventory does not have', { ...own('k9', '192.0.2.19') }, 'no node of the inventory'],
    ['somebody who is no node', { ...own('k1', '192.0.2.11'), user: 'asha' }, 'no node asked'],
  ])('nobody gets one for %s', async (_what, asked, why) => {
    const { approved, stderr } = await approve(shell, [{ name: 'a', ...asked }]);
    expect(approved).toEqual([]);
    expect(stderr).toContain(`a of ${asked.user} is left`);
    expect(stderr).toContain(why);
  });
});

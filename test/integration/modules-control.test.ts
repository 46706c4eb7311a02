/** The modules that run things, wait, ask, steer the run, and those about certificates and the system, on every lab host at once. */
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Lab } from '../../src/lab/index.ts';
import { onHost, type LabProject } from './support/lab-project.ts';
import { changesOf, checksWithoutTrace, HOSTS, listed, obeysTheLaws, onEvery, sharedProject, succeeds } from './support/laws.ts';
import { sharedLab } from './support/lab.ts';

/** Where these tests put what they make on a host, but for the tables and stores of the system that modules are about. */
const BASE = '/srv/care-modules';
let lab: Lab;
let project: LabProject | undefined;

async function onAll(script: string): Promise<readonly string[]> {
  return Promise.all(HOSTS.map((host) => onHost(lab, host, script)));
}

function make(files: Readonly<Record<string, string>>): LabProject {
  project = sharedProject(lab, files);
  return project;
}

beforeAll(async () => {
  lab = await sharedLab();
});
afterEach(async () => {
  project?.remove();
  project = undefined;
  await onAll(`rm -rf ${BASE}`);
});

describe('ping, wait_for_connection, assert, debug, fail, set_fact, include_vars, pause', () => {
  it('change nothing, in check mode as in apply, and fail with their own words', async () => {
    const p = make({
      'playbook.yml': `- hosts: all
  tasks:
    - { name: ping, ping: { data: hello }, register: pong }
    - { name: connection, wait_for_connection: { timeout: 30 }, register: connected }
    - { name: facts, set_fact: { words: ["{{ pong.ping }}", 2], mine: "{{ inventory_hostname }}" } }
    - { name: vars, include_vars: { file: "vars/{{ ansible_distribution_release }}.yml", name: release } }
    - { name: all vars, include_vars: { dir: vars/all } }
    - { name: pause, pause: { seconds: 0.01 } }
    - name: hold
      assert:
        that: ['words == ["hello", 2]', mine == inventory_hostname, 'release.number == int(ansible_distribution_major_version)', one == 1 && two == 22, connected.elapsed >= 0]
        success_msg: all is well
    - { name: show, debug: { msg: "{{ mine }} says {{ words.[0] }}" } }
    - { name: show a variable, debug: { var: release.number } }
    - block:
        - { name: refuse, assert: { that: release.number == 12, fail_msg: "{{ mine }} is not old enough" } }
        - { name: give up, fail: { msg: "{{ mine }} is old" } }
      rescue:
        - { name: told, debug: { msg: "rescued" } }
`,
      'vars/trixie.yml': 'number: 13\n', 'vars/bookworm.yml': 'number: 12\n', 'vars/all/1.yml': 'one: 1\ntwo: 2\n', 'vars/all/2.yaml': 'two: 22\n',
    });
    for (const mode of ['check', 'apply'] as const) {
      const result = await p.run({ mode });
      expect(changesOf(p, result)).toEqual([]);
      const said = (host: string): readonly string[] => result.events.flatMap((e) => (e.type === 'task' && e.host === host && e.status !== 'skipped' && (e.error ?? e.msg) !== undefined ? [`${e.task} ${e.status}: ${e.error ?? e.msg ?? ''}`] : []));
      expect(said('test-trixie')).toEqual(['hold ok: all is well', 'show ok: test-trixie says hello', 'refuse failed: test-trixie is not old enough (assertion is false: release.number == 12)', 'told ok: rescued']);
      expect(said('test-bookworm')).toEqual(['hold ok: all is well', 'show ok: test-bookworm says hello', 'refuse ok: all assertions hold', 'give up failed: test-bookworm is old', 'told ok: rescued']);
      expect(result.summary?.total).toMatchObject({ failed: 0, unknown: 0, changed: 0, rescued: 2 });
      expect(result.status).toBe(0);
    }
  });
});

describe('command, shell, script, wait_for, uri, git', () => {
  /** An HTTP server of the host's own, for requests from the host's place: says on GET what was asked, and keeps what is posted. */
  const SERVER = `use strict; use IO::Socket::INET;
my $server = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1:18080", ReuseAddr => 1) or die;
while (my $client = $server->accept) {
  my $line = <$client> // next; my ($method, $path) = split / /, $line; my $length = 0; my $auth = "";
  while (my $header = <$client>) { last if $header =~ /^\\r?\\n$/; $length = $1 if $header =~ /^content-length: (\\d+)/i; $auth = $1 if $header =~ /^authorization: (\\S+ \\S+)/i; }
  my $body = ""; read $client, $body, $length if $length;
  if ($method eq "POST") { open my $f, ">>", "${BASE}/posted"; print $f "$auth $body\\n"; close $f; }
  my $status = $path eq "/missing" ? "404 Not Found" : $path eq "/moved" ? "302 Found\\r\\nLocation: /here" : $method eq "POST" ? "201 Created" : "200 OK";
  my $answer = "{\\"method\\": \\"$method\\", \\"path\\": \\"$path\\"}";
  print $client "HTTP/1.1 $status\\r\\nContent-Type: application/json\\r\\nContent-Length: ", length $answer, "\\r\\nConnection: close\\r\\n\\r\\n$answer"; close $client;
}
`;
  const PLAYBOOK = `- hosts: all
  become: true
  vars: { base: ${BASE}, at: "http://127.0.0.1:18080" }
  tasks:
    - { name: git is there, package: { name: git } }
    - { name: base, file: { path: "{{ base }}", state: directory } }
    - { name: creates, command: { argv: [touch, "{{ base }}/a b"], creates: "{{ base }}/a b" }, tags: [creates] }
    - { name: creates by pattern, command: { cmd: "touch {{ base }}/made-{{ inventory_hostname }}", creates: "{{ base }}/made-*" } }
    - { name: removes, command: { cmd: rm remove-me, chdir: ${BASE}-seed, removes: ${BASE}-seed/remove-me }, tags: [removes] }
    - { name: unless, command: { cmd: "cp /dev/stdin {{ base }}/stdin", stdin: "given\\n", stdin_add_newline: false, unless: "grep -q given {{ base }}/stdin" }, tags: [unless] }
    - { name: onlyif, shell: { cmd: "echo done >${BASE}-seed/state", onlyif: "grep -q todo ${BASE}-seed/state" }, tags: [onlyif] }
    - { name: shell, shell: { cmd: "set -e; printf '%s\\\\n' \\"$WORD\\" | tr a-z A-Z >'{{ base }}/shell'; exit 0", creates: "{{ base }}/shell" }, environment: { WORD: "it's" } }
    - { name: script, script: { cmd: "'make it.sh' 'two words' {{ base }}/script", creates: "{{ base }}/script" }, tags: [script] }
    - { name: reads, command: id -un, register: who, changed_when: false, check_mode: false }
    - { name: read, assert: { that: who.stdout == "root" } }

    - { name: server, copy: { dest: "{{ base }}/server.pl", content: "{{ server }}" } }
    - { name: unit, systemd_unit: { name: care-modules.service, content: "[Service]\\nExecStart=/usr/bin/perl {{ base }}/server.pl\\n" } }
    - { name: run, systemd: { name: care-modules, state: started } }
    - { name: port, wait_for: { port: 18080, timeout: 20 }, register: waited }
    - { name: no port, wait_for: { port: 18081, state: stopped, timeout: 5 } }
    - { name: banner, wait_for: { port: 22, search_regex: "^SSH-2.0-OpenSSH", timeout: 10 } }
    - { name: path, wait_for: { path: "{{ base }}/script", search_regex: "two words", timeout: 5 } }
    - { name: no path, wait_for: { path: "{{ base }}/nowhere", state: absent, timeout: 5 } }
    - { name: get, uri: { url: "{{ at }}/here", return_content: true }, register: got, until: got.status == 200, retries: 5, delay: 1 }
    - { name: got, assert: { that: ['got.json.path == "/here"', 'got.json.method == "GET"'] } }
    - { name: moved, uri: { url: "{{ at }}/moved" }, register: moved }
    - { name: missing, uri: { url: "{{ at }}/missing", status_code: 404 } }
    - { name: posted, stat: { path: "{{ base }}/posted" }, register: posted }
    - { name: post, uri: { url: "{{ at }}/new", method: POST, body_format: json, body: { name: care }, url_username: admin, url_password: pw, status_code: [200, 201] }, when: "!posted.stat.exists" }

    - name: repository
      shell:
        cmd: |
          set -e; export HOME=/root; git init -q -b main "$REPO"; cd "$REPO"; git config user.name c; git config user.email c@example.org
          echo one >file; git add file; git commit -qm one; git tag v1; echo two >file; git commit -qam two
        creates: "{{ base }}/repo/.git/refs/heads/main"
      environment: { REPO: "{{ base }}/repo", GIT_AUTHOR_DATE: "2026-01-01T00:00:00Z", GIT_COMMITTER_DATE: "2026-01-01T00:00:00Z" }
    - { name: tag, git: { repo: "{{ base }}/repo", dest: "{{ base }}/tag", version: v1 } }
    - { name: branch, git: { repo: "file://{{ base }}/repo", dest: "{{ base }}/branch", version: main, depth: 1, force: true } }
`;
  it('converge', async () => {
    const p = make({ 'playbook.yml': PLAYBOOK, 'files/make it.sh': '#!/bin/bash\nset -euo pipefail\n[[ $# == 2 ]]\necho "$1" >"$2"\n' });
    await onAll(`rm -rf ${BASE} ${BASE}-seed; mkdir ${BASE}-seed; touch ${BASE}-seed/remove-me; echo todo >${BASE}-seed/state`);
    try {
      const options = { extraVars: { server: SERVER } };
      for (const tag of ['creates', 'removes', 'unless', 'onlyif', 'script']) {
        const alone = await succeeds(p, 2, { mode: 'check', tags: [tag], ...options });
        expect(alone.summary?.total, tag).toMatchObject({ changed: HOSTS.length, unknown: 0 });
      }
      await obeysTheLaws(p, lab, {
        changes: listed(BASE, {
          'git is there': 'package git', base: 'directory @', creates: 'command', 'creates by pattern': 'command', removes: 'command', unless: 'command', onlyif: 'shell', shell: 'shell', script: 'script',
          server: 'file @/server.pl', unit: 'file /etc/systemd/system/care-modules.service', run: 'unit care-modules.service', post: 'POST http://127.0.0.1:18080/new', repository: 'shell', tag: 'git @/tag', branch: 'git @/branch',
        }),
        // An installation, or a command, may make what a later guard looks for; and nobody answers yet.
        unknown: ['creates', 'creates by pattern', 'removes', 'unless', 'onlyif', 'shell', 'script', 'get', 'got', 'moved', 'missing', 'repository'],
        options,
        drift: {
          script: `cd ${BASE}; rm 'a b' made-* shell; echo other >stdin; touch ${BASE}-seed/remove-me; echo todo >${BASE}-seed/state; systemctl stop care-modules; rm posted; git -C tag checkout -q main; echo x >branch/file`,
          mends: listed(BASE, { creates: 'command', 'creates by pattern': 'command', removes: 'command', unless: 'command', onlyif: 'shell', shell: 'shell', run: 'unit care-modules.service', post: 'POST http://127.0.0.1:18080/new', tag: 'git @/tag', branch: 'git @/branch' }),
          unknown: ['creates by pattern', 'removes', 'unless', 'onlyif', 'shell', 'get', 'got', 'moved', 'missing'],
        },
      });
      expect(await onAll(`cd ${BASE}; cat shell script stdin posted tag/file branch/file ${BASE}-seed/state; basename made-*; git -C branch rev-list --count HEAD`)).toEqual(HOSTS.map((host) => `IT'S\ntwo words\ngiven\nBasic YWRtaW46cHc= {"name":"care"}\none\ntwo\ndone\nmade-${host}\n1`));
    } finally {
      await onAll(`systemctl stop care-modules; rm -rf /etc/systemd/system/care-modules.service ${BASE}-seed; systemctl daemon-reload`);
    }
  });
});

describe('reboot', () => {
  it('is told from the boot id, once, and check mode says so', async () => {
    const p = make({ 'playbook.yml': `- hosts: all
  become: true
  tasks:
    - { name: due, stat: { path: /run/care-reboot }, register: due }
    - { name: reboot, reboot: { reboot_timeout: 120, test_command: systemctl is-active ssh }, when: due.stat.exists, register: back }
    - { name: back, wait_for_connection: { timeout: 60 } }
    - { name: after, copy: { dest: ${BASE}-boot, content: "{{ ansible_distribution }}\\n" } }
` });
    await onAll('touch /run/care-reboot');
    const boots = await onAll('cat /proc/sys/kernel/random/boot_id');
    try {
      const checked = await checksWithoutTrace(p, lab, 2);
      const applied = await succeeds(p, 0);
      expect(changesOf(p, checked)).toEqual(changesOf(p, applied));
      expect(changesOf(p, applied)).toEqual(onEvery([`after|file ${BASE}-boot`, 'reboot|reboot']));
      const now = await onAll('cat /proc/sys/kernel/random/boot_id');
      now.forEach((id, i) => { expect(id).not.toBe(boots[i]); });
      expect(changesOf(p, await succeeds(p, 0))).toEqual([]);
    } finally {
      await onAll(`rm -f ${BASE}-boot`);
    }
  });
});

describe('known_hosts, hosts_entry, kernel_module, mount', () => {
  const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJmE0gDJyEvNSFVmM7ZEtBi4ZKvCVTBcRXRWnq6CNvtT';
  const playbook = (state: 'present' | 'absent'): string => `- hosts: all
  become: true
  tasks:
    - { name: key, known_hosts: { name: backup.example.org, key: ${KEY}, path: /etc/ssh/ssh_known_hosts, state: ${state} } }
    - { name: port, known_hosts: { name: "[backup.example.org]:2222", key: ${KEY}, path: /etc/ssh/ssh_known_hosts, state: ${state} } }
    - { name: names, hosts_entry: { address: 192.0.2.77, names: [db7.example.org, db7], state: ${state} } }
    - { name: memory, mount: { path: /srv/care-mount, src: tmpfs, fstype: tmpfs, opts: "size=1m,mode=0700", state: ${state === 'present' ? 'mounted' : 'absent'} } }
    # A container loads no modules: what is managed is what the next boot of a machine would load.
    - { name: module, kernel_module: { name: care_none, params: numbers=2, unavailable: ignore, state: ${state} } }
`;
  it('converge, and are taken away again', async () => {
    const p = make({ 'playbook.yml': playbook('present') });
    const before = await onAll('sort /etc/fstab /etc/hosts; cat /etc/ssh/ssh_known_hosts 2>/dev/null || true');
    try {
      await obeysTheLaws(p, lab, {
        changes: listed('', {
          key: 'file /etc/ssh/ssh_known_hosts', port: 'file /etc/ssh/ssh_known_hosts', names: 'hosts entry 192.0.2.77', memory: 'file /etc/fstab, directory /srv/care-mount, mount /srv/care-mount',
          module: 'file /etc/modprobe.d/care-care_none.conf, file /etc/modules-load.d/care-care_none.conf',
        }),
        drift: { script: `sed -i /2222/d /etc/ssh/ssh_known_hosts; sed -i s/db7.example.org/db8/ /etc/hosts; umount /srv/care-mount; rm /etc/modprobe.d/care-care_none.conf`, mends: listed('', { port: 'file /etc/ssh/ssh_known_hosts', names: 'hosts entry 192.0.2.77', memory: 'mount /srv/care-mount', module: 'file /etc/modprobe.d/care-care_none.conf' }) },
      });
      expect(await onAll('ssh-keygen -F backup.example.org -f /etc/ssh/ssh_known_hosts | tail -n 1; getent hosts db7; df -k --output=size /srv/care-mount | tail -n 1; stat -c %a /srv/care-mount; cat /etc/modprobe.d/care-* /etc/modules-load.d/care-*')).toEqual(HOSTS.map(() => `backup.example.org ${KEY}\n192.0.2.77      db7.example.org db7\n     1024\n700\noptions care_none numbers=2\ncare_none`));
      p.write('playbook.yml', playbook('absent'));
      await obeysTheLaws(p, lab, {
        changes: listed('', {
          key: 'file /etc/ssh/ssh_known_hosts', port: 'file /etc/ssh/ssh_known_hosts', names: 'hosts entry 192.0.2.77', memory: 'mount /srv/care-mount, file /etc/fstab',
          module: 'file /etc/modprobe.d/care-care_none.conf, file /etc/modules-load.d/care-care_none.conf',
        }),
        drift: { script: 'echo "192.0.2.77 db9" >>/etc/hosts', mends: listed('', { names: 'hosts entry 192.0.2.77' }) },
      });
      expect(await onAll('sort /etc/fstab /etc/hosts; cat /etc/ssh/ssh_known_hosts 2>/dev/null || true')).toEqual(before);
    } finally {
      await onAll('umount /srv/care-mount 2>/dev/null; rmdir /srv/care-mount; rm -f /etc/ssh/ssh_known_hosts; sed -i /192.0.2.77/d /etc/hosts; sed -i /care-mount/d /etc/fstab; rm -f /etc/mod*.d/care-care_none.conf; systemctl daemon-reload');
    }
  });
});

describe('x509_ca, x509_private_key, x509_certificate, x509_csr, x509_bundle, x509_trust, x509_info', () => {
  const PLAYBOOK = `- hosts: all
  become: true
  vars: { base: ${BASE}, authority: "@DIR@/pki/authority.pem" }
  tasks:
    - { name: authority, x509_ca: { path: "{{ authority }}", common_name: Care modules CA, organization_name: Care, permitted: [care.test, 127.0.0.0/8] }, run_once: true }
    - { name: base, file: { path: "{{ base }}", state: directory, mode: "0755" } }
    - { name: key, x509_private_key: { path: "{{ base }}/server.key", owner: daemon } }
    - { name: rsa key, x509_private_key: { path: "{{ base }}/rsa.key", type: rsa-3072 } }
    - { name: certificate, x509_certificate: { path: "{{ base }}/server.crt", privatekey_path: "{{ base }}/server.key", authority: "{{ authority }}", common_name: "{{ inventory_hostname }}", subject_alt_name: ["{{ inventory_hostname }}.care.test", 127.0.0.1] }, register: certificate }
    - { name: ends, debug: { msg: "{{ certificate.days_left }}" } }
    - { name: request, x509_csr: { path: "{{ base }}/web.csr", privatekey_path: "{{ base }}/rsa.key", common_name: care.example.org, subject_alt_name: DNS:care.example.org } }
    - { name: bundle, x509_bundle: { path: "{{ base }}/ca.crt", authority: "{{ authority }}" } }
    - { name: trust, x509_trust: { name: care-modules, authority: "{{ authority }}" } }
    - { name: look, x509_info: { path: ["{{ base }}/server.crt"], fail_below_days: 30 }, register: seen }
    - { name: calendar, debug: { msg: "{{ seen.days_left }}" } }
`;
  it('converge, and the host trusts the chain', async () => {
    const p = make({ 'playbook.yml': PLAYBOOK });
    await onAll(`rm -rf ${BASE}`);
    try {
      await obeysTheLaws(p, lab, {
        // The CA is one for all: the first host is the one that it is made for.
        changes: listed(BASE, {
          base: 'directory @', key: 'private key @/server.key', 'rsa key': 'private key @/rsa.key', certificate: 'certificate @/server.crt', request: 'certificate request @/web.csr', bundle: 'CA bundle @/ca.crt', trust: 'trusted CA care-modules',
        }),
        once: ['test-trixie|authority|certificate authority /pki/authority.pem'],
        unknown: ['ends', 'look', 'calendar'],
        drift: { script: `cd ${BASE}; chmod 0644 server.key; rm server.crt web.csr; echo >>ca.crt; rm /usr/local/share/ca-certificates/care-modules-*`, mends: listed(BASE, { key: 'private key @/server.key', certificate: 'certificate @/server.crt', request: 'certificate request @/web.csr', bundle: 'CA bundle @/ca.crt', trust: 'trusted CA care-modules' }) },
      });
      expect(statSync(path.join(p.dir, 'pki', 'authority.pem')).mode & 0o777).toBe(0o600);
      const bundle = readFileSync(path.join(p.dir, 'pki', 'authority.pem'), 'utf8');
      expect(bundle).toContain('PRIVATE KEY');
      expect(await onAll(`cd ${BASE}; stat -c '%a %U' server.key rsa.key server.crt; openssl verify server.crt; openssl verify -no-CApath -no-CAstore -CAfile ca.crt server.crt; openssl req -in web.csr -noout -verify -subject 2>&1 | sed 's/ = /=/'`)).toEqual(HOSTS.map(() => '600 daemon\n600 root\n644 root\nserver.crt: OK\nserver.crt: OK\nCertificate request self-signature verify OK\nsubject=CN=care.example.org'));
      // What a client that trusts the system's store says of a server with this key and certificate.
      const talk = `cd ${BASE}; openssl s_server -accept 127.0.0.1:18443 -key server.key -cert server.crt -www -quiet >/dev/null 2>&1 & s=$!; trap 'kill $s' EXIT
for i in 1 2 3 4 5 6 7 8 9 10; do echo | openssl s_client -connect 127.0.0.1:18443 -verify_return_error -verify_hostname "$(hostname).care.test" >${BASE}/said 2>&1 && break; sleep 0.3; done; grep -o 'Verify return code.*' ${BASE}/said | sort -u`;
      expect(await onAll(talk)).toEqual(HOSTS.map(() => 'Verify return code: 0 (ok)'));
      p.write('playbook.yml', `- hosts: all\n  become: true\n  tasks:\n    - { name: no trust, x509_trust: { name: care-modules, state: absent } }\n`);
      await checksWithoutTrace(p, lab, 2);
      expect(changesOf(p, await succeeds(p, 0))).toEqual(onEvery(['no trust|trusted CA care-modules']));
      expect(changesOf(p, await succeeds(p, 0))).toEqual([]);
      expect(await onAll(`openssl verify ${BASE}/server.crt >/dev/null 2>&1 || echo not trusted; ls /usr/local/share/ca-certificates | grep -c care-modules || true`)).toEqual(HOSTS.map(() => 'not trusted\n0'));
    } finally {
      await onAll('rm -f /usr/local/share/ca-certificates/care-modules-*; update-ca-certificates >/dev/null 2>&1');
    }
  });
});

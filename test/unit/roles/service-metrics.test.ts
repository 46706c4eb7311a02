/** care-service-metrics of role monitoring: snapshots and Kubernetes, with stand-ins for what it asks. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const FILES = path.join(import.meta.dirname, '..', '..', '..', 'roles', 'monitoring', 'files');
let directory = '';
const inside = (...parts: readonly string[]): string => path.join(directory, ...parts);
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'care-service-metrics-'));
  for (const name of ['bin', 'metrics']) mkdirSync(inside(name));
  program('systemctl', 'exit 1');
  program('curl', 'exit 7');
});
afterEach(() => { rmSync(directory, { recursive: true, force: true }); });

function program(name: string, text: string): void {
  writeFileSync(inside('bin', name), `#!/bin/sh\n${text}\n`);
  chmodSync(inside('bin', name), 0o755);
}

function metrics(shell: readonly string[]): Readonly<Record<string, string>> {
  const [name = '', ...words] = shell;
  execFileSync(name, [...words, path.join(FILES, 'care-service-metrics'), inside('metrics')], {
    timeout: 20_000,
    env: {
      PATH: `${inside('bin')}:${process.env['PATH'] ?? ''}`, CARE_METRICS_LIBRARY: path.join(FILES, 'care-metrics.sh'), CARE_KUBERNETES_ETC: inside('kubernetes'), CARE_KUBELET_DIR: inside('kubelet'),
      CARE_ETCD_SNAPSHOTS: inside('etcd'), CARE_VAULT_SNAPSHOTS: inside('vault'), CARE_KUBERNETES_BACKUPS: inside('backups'), CARE_S3_COPY_ETC: inside('s3-copy'),
    },
  });
  return Object.fromEntries(readFileSync(inside('metrics', 'care_services.prom'), 'utf8').trim().split('\n').map((line) => [line.slice(0, line.lastIndexOf(' ')), line.slice(line.lastIndexOf(' ') + 1)]));
}

/** A certificate that is valid for so many days from now. */
function pem(days: number): string {
  const made = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=x', '-keyout', '/dev/null', '-days', String(days)], { encoding: 'utf8' });
  return made.stdout;
}

describe.each([['dash', ['dash']], ['busybox', ['busybox', 'sh']]] as const)('%s', (_name, shell) => {
  test('a host without any of these services says only that it has looked', () => {
    expect(Object.keys(metrics(shell))).toEqual(['care_service_metrics_timestamp_seconds']);
  });

  test('snapshots are as old as the newest whole one; where there is none, as the directory, however often it is tried in vain', () => {
    mkdirSync(inside('etcd'));
    for (const [name, at] of [['a.db.sha256', 1000], ['b.db.sha256', 2000], ['c.db', 3000]] as const) {
      writeFileSync(inside('etcd', name), '');
      utimesSync(inside('etcd', name), at, at);
    }
    mkdirSync(inside('vault'));
    // As a try that fails leaves it: made a moment ago, and changed tomorrow.
    const tomorrow = Math.floor(Date.now() / 1000) + 86_400;
    utimesSync(inside('vault'), tomorrow, tomorrow);
    const said = metrics(shell);
    expect(Number(said['care_etcd_snapshot_timestamp_seconds'])).toBe(2000);
    expect(Number(said['care_vault_snapshot_timestamp_seconds'])).toBeLessThan(tomorrow - 80_000);
    expect(Object.keys(said).filter((name) => name.includes('interval') || name.includes('backup'))).toEqual([]);
  });

  test('how often they are to come, all calendars of the timer together', () => {
    mkdirSync(inside('backups'));
    program('systemctl', `[ "$*" = 'show --property=TimersCalendar care-kubernetes-backup.timer' ] || exit 1
echo 'TimersCalendar={ OnCalendar=*-*-* 02:00:00 ; next_elapse=Fri 2026-11-27 02:00:00 UTC }'
echo 'TimersCalendar={ OnCalendar=*-*-* 08:00:00 ; next_elapse=Fri 2026-11-27 08:00:00 UTC }'`);
    program('systemd-analyze', `hour=$(printf '%s' "$4" | cut -c 7-8); echo "    Next elapse: Fri 2026-11-27 $hour:00:00 UTC"; echo '       From now: 1h left'; echo "   Iteration #2: Sat 2026-11-28 $hour:00:00 UTC"; echo "   Iteration #3: Sun 2026-11-29 $hour:00:00 UTC"`);
    expect(metrics(shell)['care_kubernetes_backup_interval_seconds']).toBe(String(18 * 3600));
  });

  test('copies in object storage are as old as the newest backup there; where there is none, as what says that there are to be some', () => {
    for (const name of ['s3-copy', 'first']) mkdirSync(inside(name));
    for (const name of ['first', 'second']) writeFileSync(inside('s3-copy', `${name}.settings`), `# x\nurl https://s3.example/b/h\ndirectory ${inside(name)}\nsuffix .age\ntimer care-${name}.timer\n`);
    utimesSync(inside('s3-copy', 'second.settings'), 2000, 2000);
    writeFileSync(inside('first', '.s3-copied'), '');
    utimesSync(inside('first', '.s3-copied'), 1000, 1000);
    program('systemctl', `[ "$*" = 'show --property=TimersCalendar care-first.timer' ] || exit 1
echo 'TimersCalendar={ OnCalendar=*-*-* 02:00:00 ; next_elapse=Fri 2026-11-27 02:00:00 UTC }'`);
    program('systemd-analyze', "echo '    Next elapse: Fri 2026-11-27 02:00:00 UTC'; echo '   Iteration #2: Sat 2026-11-28 02:00:00 UTC'");
    const said = metrics(shell);
    expect(Object.fromEntries(Object.entries(said).filter(([name]) => name.startsWith('care_s3')))).toEqual({ 'care_s3_copy_timestamp_seconds{name="first"}': '1000', 'care_s3_copy_interval_seconds{name="first"}': '86400', 'care_s3_copy_timestamp_seconds{name="second"}': '2000' });
  });

  describe('a control plane', () => {
    beforeEach(() => {
      for (const name of ['kubernetes/manifests', 'kubernetes/pki/etcd', 'kubelet/pki']) mkdirSync(inside(name), { recursive: true });
      for (const name of ['kubernetes/manifests/kube-apiserver.yaml', 'kubelet/config.yaml']) writeFileSync(inside(name), '');
      writeFileSync(inside('kubernetes/pki/apiserver.crt'), pem(300));
      writeFileSync(inside('kubernetes/pki/etcd/peer.crt'), 'no certificate\n');
      writeFileSync(inside('kubelet/pki/kubelet-client-current.pem'), pem(100));
      writeFileSync(inside('kubernetes/admin.conf'), `users:\n- name: admin\n  user:\n    client-certificate-data: ${Buffer.from(pem(200)).toString('base64')}\n`);
    });
    const days = (said: Readonly<Record<string, string>>, name: string): number => Math.round((Number(said[`care_certificate_end_timestamp_seconds{name="${name}"}`]) - Date.now() / 1000) / 86_400);

    test('tells of its API server, the nodes, requests that wait, and its certificates', () => {
      program('curl', 'exit 0');
      program('kubectl', `case $* in *--server=https://127.0.0.1:6443*) ;; *) exit 1 ;; esac
case $* in *'get --raw /readyz') echo ok ;; *'get nodes'*) printf 'a True\\nb Unknown\\nc\\n' ;; *'get certificatesigningrequests'*) printf 'csr-1\\ncsr-2\\n' ;; *) exit 1 ;; esac`);
      const said = metrics(shell);
      expect(said).toMatchObject({
        care_kubelet_up: '1', care_kubernetes_api_ready: '1', 'care_kubernetes_node_ready{node="a"}': '1', 'care_kubernetes_node_ready{node="b"}': '0', 'care_kubernetes_node_ready{node="c"}': '0', care_kubernetes_certificate_requests_pending: '2',
        'care_certificate_readable{name="kubernetes-etcd-peer"}': '0', 'care_certificate_readable{name="kubernetes-admin"}': '1',
      });
      expect(['kubernetes-apiserver', 'kubernetes-admin', 'kubernetes-kubelet-client'].map((name) => days(said, name))).toEqual([300, 200, 100]);
    });

    test('whose API server is not ready says so, and nothing that only it could know', () => {
      program('kubectl', 'exit 1');
      const said = metrics(shell);
      expect([said['care_kubernetes_api_ready'], said['care_kubelet_up']]).toEqual(['0', '0']);
      expect(Object.keys(said).filter((name) => name.includes('node') || name.includes('pending'))).toEqual([]);
    });

    test('without requests that wait says 0', () => {
      program('kubectl', "case $* in *'get certificatesigningrequests'*) ;; *) echo ok True ;; esac");
      expect(metrics(shell)['care_kubernetes_certificate_requests_pending']).toBe('0');
    });
  });
});

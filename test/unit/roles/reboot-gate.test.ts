/** When care-reboot-gate lets a host reboot, with stand-ins for the services' own tools. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const PROGRAM = path.join(import.meta.dirname, '../../../roles/reboot/files/care-reboot-gate');
let directory = '';
const inside = (...parts: readonly string[]): string => path.join(directory, ...parts);
function tool(name: string, text: string): void {
  writeFileSync(inside('bin', name), `#!/bin/sh\n${text}\n`);
  chmodSync(inside('bin', name), 0o755);
}
/** Units that are enabled and run. */
function units(...names: readonly string[]): void {
  tool('systemctl', `for last do :; done; case "$1" in list-units) ;; *) case " ${names.join(' ')} " in *" $last "*) exit 0 ;; esac; exit 1 ;; esac`);
}
const etcd = (...health: readonly string[]): void => {
  units('care-etcd.service');
  tool('care-etcdctl', health.map((word, i) => `echo "https://192.0.2.${String(i + 1)}:2379 is ${word}: ok" >&2`).join('\n'));
};

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'care reboot-'));
  for (const name of ['bin', 'boot', 'run', 'etc']) mkdirSync(inside(name));
  tool('uname', 'echo 6.12.10-amd64');
  tool('hostname', 'echo db1');
  units();
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

describe.each([['dash', ['dash']], ['busybox', ['busybox', 'sh']]] as const)('%s', (_name, [shell, ...words]) => {
  const gate = (...args: readonly string[]): { readonly status: number | null; readonly stdout: string; readonly stderr: string } =>
    spawnSync(shell, [...words, PROGRAM, ...args], { encoding: 'utf8', timeout: 20_000, env: { PATH: `${inside('bin')}:/usr/bin:/bin`, CARE_REBOOT_ROOT: directory, CARE_REBOOT_BIN: inside('bin') } });

  test('a reboot is due for packages and for a newer kernel, and not otherwise', () => {
    writeFileSync(inside('boot', 'vmlinuz-6.12.10-amd64'), '');
    expect(gate('due')).toMatchObject({ status: 0, stdout: '' });
    writeFileSync(inside('boot', 'vmlinuz-6.12.9-amd64'), '');
    expect(gate('due').stdout).toBe('');
    writeFileSync(inside('boot', 'vmlinuz-6.12.11-amd64'), '');
    expect(gate('due').stdout).toBe('the kernel 6.12.11-amd64 is installed, 6.12.10-amd64 runs\n');
    writeFileSync(inside('run', 'reboot-required'), '');
    writeFileSync(inside('run', 'reboot-required.pkgs'), 'libc6\nlibc6\n');
    expect(gate('due').stdout).toContain('packages ask for it: libc6');
  });

  test('a newer kernel that the last boot has passed over calls for no other one', () => {
    writeFileSync(inside('boot', 'vmlinuz-6.12.11-amd64'), '');
    mkdirSync(inside('proc'));
    const now = Math.floor(Date.now() / 1000);
    writeFileSync(inside('proc', 'stat'), `cpu 1 2\nbtime ${String(now + 60)}\n`);
    expect(gate('due')).toMatchObject({ status: 0, stdout: '' });
    writeFileSync(inside('proc', 'stat'), `cpu 1 2\nbtime ${String(now - 60)}\n`);
    expect(gate('due').stdout).toContain('the kernel 6.12.11-amd64 is installed');
  });

  test.each([
    ['02:30', 'Sun', ['02:00-04:00/all'], 0],
    ['02:00', 'Sun', ['02:00-04:00/all'], 0],
    ['04:00', 'Sun', ['02:00-04:00/all'], 1],
    ['01:59', 'Sun', ['02:00-04:00/all'], 1],
    ['02:30', 'Mon', ['02:00-04:00/Sat,Sun'], 1],
    ['23:30', 'Sun', ['02:00-04:00/Mon', '23:00-23:59/Sat,Sun'], 0],
    ['02:30', 'Sun', [], 1],
  ])('%s on %s in %s', (time, day, windows, status) => {
    tool('date', `case "$1" in +%H:%M) echo ${time} ;; +%a) echo ${day} ;; esac`);
    expect(gate('window', ...windows).status).toBe(status);
  });

  test('a member of etcd is spared while all are healthy and the others are a quorum', () => {
    etcd('healthy', 'healthy', 'healthy');
    expect(gate('spare')).toMatchObject({ status: 0, stderr: '' });
    etcd('healthy', 'unhealthy', 'healthy');
    expect(gate('spare')).toMatchObject({ status: 1, stderr: 'etcd: 2 of 3 members are healthy\n' });
    etcd('healthy', 'healthy');
    expect(gate('spare')).toMatchObject({ status: 1, stderr: 'etcd: without this host, 1 of 2 members are no quorum\n' });
    etcd();
    expect(gate('spare').stderr).toContain('etcd: 0 of 0 members are healthy');
  });

  test('a leader of PostgreSQL is not rebooted, nor any member while one is ill', () => {
    units('care-patroni.service');
    const rows = (...list: readonly string[]): void => { tool('care-patronictl', `printf '%s\\n' 'Cluster\tMember\tHost\tRole\tState\tTL' ${list.map((row) => `'${row}'`).join(' ')}`); };
    rows('care\tdb1\t192.0.2.1\tSync Standby\tstreaming\t1', 'care\tdb2\t192.0.2.2\tLeader\trunning\t1');
    expect(gate('spare')).toMatchObject({ status: 0, stderr: '' });
    rows('care\tdb1\t192.0.2.1\tLeader\trunning\t1', 'care\tdb2\t192.0.2.2\tReplica\tstreaming\t1');
    expect(gate('spare').stderr).toContain('it leads PostgreSQL');
    expect(gate('well').status).toBe(0);
    rows('care\tdb1\t192.0.2.1\tReplica\tstreaming\t1', 'care\tdb2\t192.0.2.2\tLeader\trunning\t1', 'care\tdb3\t192.0.2.3\tReplica\tstart failed\t');
    expect(gate('spare').stderr).toContain('db3 is start failed');
  });

  test('a node of Kubernetes that is not drained, and a vault that people unseal, stay up', () => {
    units('kubelet.service', 'care-vault.service');
    expect(gate('spare').stderr).toMatch(/drain it[\s\S]*would be sealed/);
    writeFileSync(inside('run', 'care-reboot-drained'), '');
    mkdirSync(inside('etc', 'care-vault'));
    writeFileSync(inside('etc', 'care-vault', 'vault.hcl'), 'seal "transit" {}\n');
    expect(gate('spare')).toMatchObject({ status: 0, stderr: '' });
  });

  test('a node of MinIO is spared while the store can do without it, and a lone one always', () => {
    units('care-minio.service');
    mkdirSync(inside('etc', 'systemd', 'system'), { recursive: true });
    mkdirSync(inside('etc', 'minio'));
    writeFileSync(inside('etc', 'systemd', 'system', 'care-minio.service'), '[Service]\nExecStart=/usr/local/bin/minio server --quiet --address :9100 --certs-dir /etc/minio/certs\n');
    const store = (hosts: string, cluster: number, without: number): void => {
      writeFileSync(inside('etc', 'minio', 'minio.env'), `MINIO_VOLUMES="https://minio-${hosts}:9100/srv/drive{1...2}"\n`);
      tool('curl', `for last do :; done; case "$last" in 'https://127.0.0.1:9100/minio/health/cluster') printf ${String(cluster)} ;; 'https://127.0.0.1:9100/minio/health/cluster?maintenance=true') printf ${String(without)} ;; *) printf 404 ;; esac`);
    };
    store('{1...4}', 200, 200);
    expect(gate('spare')).toMatchObject({ status: 0, stderr: '' });
    store('{1...4}', 200, 412);
    expect(gate('spare')).toMatchObject({ status: 1, stderr: expect.stringContaining("the store can't do without this node (status 412)") as string });
    expect(gate('well')).toMatchObject({ status: 0, stderr: '' });
    store('{1...4}', 503, 412);
    expect(gate('spare').stderr).toContain('no write quorum (status 503)');
    expect(gate('well').stderr).toContain('no write quorum (status 503)');
    store('{1...1}', 200, 412);
    expect(gate('spare')).toMatchObject({ status: 0, stderr: '' });
  });

  test('a host with a failed unit is not well', () => {
    tool('systemctl', 'case "$1" in list-units) echo "x.service loaded failed failed X" ;; *) exit 1 ;; esac');
    expect(gate('well')).toMatchObject({ status: 1, stderr: 'failed units: x.service \n' });
  });

  test('its own file is used as it stands', () => {
    expect(readFileSync(PROGRAM, 'utf8')).toMatch(/^#!\/bin\/sh\n/);
    expect(gate().status).toBe(2);
  });
});

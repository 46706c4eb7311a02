/** Roles pki and etcd on one fresh host: predicted, applied, applied again, verified. The drills have three members. */
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Lab } from '../../src/lab/index.ts';
import type { Result } from '../unit/run/support.ts';
import { hostVariables, inventoryOf, labProject, onHost, troubleOf, type LabProject } from './support/lab-project.ts';
import { sharedLab } from './support/lab.ts';

const HOST = 'test-trixie';
const playbooks = ['pki.yml', 'etcd.yml'].map((name) => path.join(import.meta.dirname, '..', '..', 'playbooks', name));
let lab: Lab;
let project: LabProject;

beforeAll(async () => {
  lab = await sharedLab();
  const variables = hostVariables(lab, HOST);
  project = labProject({});
  const inventory = JSON.parse(inventoryOf({ [HOST]: variables })) as { all: Record<string, unknown> };
  project.write('inventory.yml', JSON.stringify({ all: { ...inventory.all, vars: { etcd_address: variables['ansible_host'], etcd_firewall: false }, children: { etcd: { hosts: { [HOST]: null } } } } }));
});
afterAll(async () => {
  project.remove();
  await onHost(lab, HOST, 'systemctl disable --now care-etcd.service care-etcd-snapshot.timer care-etcd-defrag.timer; systemctl unmask etcd.service; apt-get -y purge etcd-server etcd-client; rm -rf /etc/etcd /etc/systemd/system/care-etcd* /etc/care-provision/pki /usr/local/share/ca-certificates/care-site-* /var/lib/etcd*; update-ca-certificates; systemctl daemon-reload');
});

const changes = (result: Result): readonly string[] => [...new Set(result.events.flatMap((e) => (e.type === 'change' ? [`${e.role}|${e.task}|${e.resource}`] : [])))].sort();

it('check predicts what apply makes of a fresh host; a second apply changes nothing; verify passes', async () => {
  const predicted = await project.run({ playbooks, mode: 'check' });
  expect([troubleOf(predicted, HOST), predicted.status, predicted.summary?.total.unknown]).toEqual(['', 2, 0]);
  const made = await project.run({ playbooks });
  expect([troubleOf(made, HOST), made.status]).toEqual(['', 0]);
  expect(changes(made)).toEqual(changes(predicted));
  const again = await project.run({ playbooks });
  expect([troubleOf(again, HOST), again.status, changes(again)]).toEqual(['', 0, []]);
  const verified = await project.run({ playbooks, mode: 'verify' });
  expect([troubleOf(verified, HOST), verified.status]).toEqual(['', 0]);
});

it('a certificate near its end is found by verify, renewed by apply, and etcd shows it without a restart', async () => {
  const shown = (): Promise<string> => onHost(lab, HOST, 'echo | openssl s_client -connect 127.0.0.1:2379 2>/dev/null | openssl x509 -noout -serial; systemctl show -p MainPID care-etcd');
  const before = await shown();
  const short = { extraVars: { pki_warn_days: 3650 } };
  expect((await project.run({ playbooks, mode: 'verify', ...short })).status).toBe(3);
  await onHost(lab, HOST, 'rm /etc/etcd/pki/server.crt');
  expect(changes(await project.run({ playbooks }))).toEqual(['pki|certificate etcd-server|certificate /etc/etcd/pki/server.crt']);
  const after = await shown();
  const [serial, pid] = before.split('\n');
  expect(after.split('\n')[0]).not.toBe(serial);
  expect(after.split('\n')[1]).toBe(pid);
});

/** Runs as they were recorded: data for the reporters' golden tests. */
import type { RunEvent } from '../../../src/run/events.ts';

const none = { ok: 0, changed: 0, failed: 0, unreachable: 0, skipped: 0, unknown: 0, rescued: 0, ignored: 0 };
const at = 'roles/base/tasks/main.yml:3:5';
const base = { play: 'Base', role: 'base', at, handler: false };

function start(mode: 'apply' | 'check' | 'verify', hosts: string[]): RunEvent {
  return { type: 'start', run: '20261122-101500-a1b2', time: '2026-11-22T10:15:00.000Z', mode, inventory: 'inventory/lab', playbook: 'playbooks/site.yml', hosts, version: '0.1.0', controller: 'desk', user: 'ops', arguments: [mode, 'inventory/lab'], revisions: [] };
}

/** Two hosts: changes with a diff, a debug, a skip, a retry, a warning, a handler. */
export const applied: RunEvent[] = [
  start('apply', ['web1', 'web2']),
  { type: 'play', play: 'Base', hosts: ['web1', 'web2'] },
  { type: 'task-start', host: 'web1', role: 'base', task: 'Configure chrony', module: 'template' },
  { type: 'task-start', host: 'web2', role: 'base', task: 'Configure chrony', module: 'template' },
  { type: 'change', host: 'web1', role: 'base', task: 'Configure chrony', resource: 'file /etc/chrony/chrony.conf', what: 'content', handler: false, diff: '--- before: /etc/chrony/chrony.conf\n+++ after: /etc/chrony/chrony.conf\n@@ -1,1 +1,1 @@\n-pool old iburst\n+pool new iburst' },
  { type: 'task', ...base, host: 'web1', task: 'Configure chrony', module: 'template', status: 'changed', seconds: 0.21 },
  { type: 'task', ...base, host: 'web2', task: 'Configure chrony', module: 'template', status: 'ok', seconds: 0.01 },
  { type: 'task', ...base, host: 'web2', task: 'Only on bare metal', module: 'command', status: 'skipped', seconds: 0, msg: 'when: false' },
  { type: 'retry', host: 'web1', task: 'Wait for time', attempt: 2, of: 5 },
  { type: 'task', ...base, host: 'web1', task: 'Wait for time', module: 'command', status: 'changed', seconds: 3.4, result: 'synchronised\n' },
  { type: 'task', ...base, host: 'web1', task: 'Say it', module: 'debug', status: 'ok', seconds: 0, result: '"msg": "hello"' },
  { type: 'task', ...base, host: 'web1', task: 'Best effort', module: 'command', status: 'ignored', seconds: 0.1, error: 'exit status 1\nno such device' },
  { type: 'warning', host: 'web2', message: 'the clock was 4 s behind' },
  { type: 'warning', message: 'inventory/lab/hosts.yml has an empty group' },
  { type: 'change', host: 'web1', role: 'base', task: 'Restart chrony', resource: 'unit chrony.service', what: 'restart', handler: true },
  { type: 'task', ...base, host: 'web1', task: 'Restart chrony', module: 'systemd', status: 'changed', seconds: 0.8, handler: true },
  {
    type: 'summary',
    run: '20261122-101500-a1b2',
    time: '2026-11-22T10:15:09.000Z',
    status: 0,
    seconds: 9.04,
    total: { ...none, ok: 2, changed: 3, skipped: 1, ignored: 1 },
    hosts: { web1: { ...none, ok: 1, changed: 3, ignored: 1 }, web2: { ...none, ok: 1, skipped: 1 } },
    roles: { base: { ...none, ok: 2, changed: 3, skipped: 1, ignored: 1 } },
    slowest: [{ host: 'web1', role: 'base', task: 'Wait for time', seconds: 3.4 }, { host: 'web1', role: 'base', task: 'Restart chrony', seconds: 0.8 }],
  },
];

/** Check mode: one predicted change, one that cannot be told. */
export const checked: RunEvent[] = [
  start('check', ['web1']),
  { type: 'play', play: 'Base', hosts: ['web1'] },
  { type: 'change', host: 'web1', role: 'base', task: 'Install chrony', resource: 'package chrony', what: 'install 4.6.1', handler: false },
  { type: 'task', ...base, host: 'web1', task: 'Install chrony', module: 'package', status: 'changed', seconds: 0.02 },
  { type: 'change', host: 'web1', role: 'base', task: 'Own the log', resource: 'file /var/log/chrony', what: 'owner', handler: false, unknown: true },
  { type: 'task', ...base, host: 'web1', task: 'Own the log', module: 'file', status: 'unknown', seconds: 0, msg: 'unknown until package chrony is installed' },
  {
    type: 'summary',
    run: '20261122-101500-a1b2',
    time: '2026-11-22T10:15:02.000Z',
    status: 2,
    seconds: 1.5,
    total: { ...none, changed: 1, unknown: 1 },
    hosts: { web1: { ...none, changed: 1, unknown: 1 } },
    roles: { base: { ...none, changed: 1, unknown: 1 } },
    slowest: [],
  },
];

/** A failure, an unreachable host, and a host that tries to steer the terminal. */
export const failed: RunEvent[] = [
  start('apply', ['web1', 'web2', 'evil']),
  { type: 'play', play: 'Base', hosts: ['web1', 'web2', 'evil'] },
  { type: 'task', ...base, host: 'web1', task: 'Install chrony', module: 'package', status: 'failed', seconds: 2, msg: 'apt-get failed', error: 'apt-get failed: exit status 100\nE: Unable to locate package chrony\nTo do: check the apt sources of the host' },
  { type: 'task', ...base, host: 'web2', task: 'Connect', module: 'connect', status: 'unreachable', seconds: 10, error: 'connection refused by 192.0.2.2 port 22' },
  { type: 'task', ...base, host: 'evil', task: 'Ask', module: 'command', status: 'failed', seconds: 0.1, item: 'a\nb', error: 'bad\u001b[2J\u001b]0;owned\u0007 \u202etxt\r\nline two\u0000' },
  {
    type: 'summary',
    run: '20261122-101500-a1b2',
    time: '2026-11-22T10:17:02.000Z',
    status: 3,
    seconds: 125,
    total: { ...none, failed: 2, unreachable: 1 },
    hosts: { web1: { ...none, failed: 1 }, web2: { ...none, unreachable: 1 }, evil: { ...none, failed: 1 } },
    roles: { base: { ...none, failed: 2, unreachable: 1 } },
    slowest: [],
  },
];

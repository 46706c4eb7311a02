/** Units and manifests as text: what systemd and Kubernetes are told. That systemd takes them is tried on lab hosts. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { cronJobs, cronOf, offsetMinutes, type ManifestInit } from '../../../../src/cli/converge/manifest.ts';
import { convergeMetrics } from '../../../../src/cli/converge/metrics.ts';
import { nameOf } from '../../../../src/cli/converge/names.ts';
import { statusLines, type Look } from '../../../../src/cli/converge/status-text.ts';
import { calendarOf, isOurs, purposeOf, startSteps, unitFiles, unitWord, type UnitsInit } from '../../../../src/cli/converge/units.ts';
import { PolicySchema } from '../../../../src/run/converge/policy.ts';

const policy = PolicySchema.parse({ mode: 'mend', time_zone: 'Asia/Kolkata', schedule: { at: '02:30', days: ['mon', 'sat'], jitter: 600, timeout: 3600 }, freeze: [{ from: '2026-12-20', to: '2027-01-04', reason: 'end of the year' }], unattended: { roles: { postgres: 'report' } } });
const init: UnitsInit = {
  name: 'paris', inventory: '/srv/care/inventory/paris', arguments: ['/srv/care/playbooks/site.yml', '--inventory', '/srv/care/inventory/lyon', '--extra-vars', '@/etc/care/vars.yml', '--reports', '/srv/reports'],
  metrics: '/var/lib/prometheus/node-exporter', state: '/var/lib/care/state', user: 'root', schedule: policy.schedule, timeZone: policy.time_zone, program: ['/usr/bin/node', '/opt/care provision/dist/care-provision.cjs'],
  directory: '/srv/care', home: '/root', writable: ['/var/lib/prometheus/node-exporter', '/srv/reports'], environmentFile: '/etc/care/env', memoryMax: '2G', sandbox: true,
};

describe('the units', () => {
  const files = unitFiles(init);
  const service = files['care-provision-converge-paris.service'] ?? '';

  test('whose times are new start without the memory of the old ones, by which a night would begin at once', () => {
    const words = (anew: boolean): readonly string[] => startSteps({ timer: 'a.timer', watchTimer: 'w.timer' }, anew).map((step) => step.slice(1).join(' '));
    expect(words(true)).toEqual(['daemon-reload', 'stop a.timer', 'clean --what=state a.timer', 'enable --now a.timer w.timer', 'restart a.timer w.timer']);
    // What the machine was down for is still made up.
    expect(words(false)).toEqual(['daemon-reload', 'enable --now a.timer w.timer', 'restart a.timer w.timer']);
  });

  test('call the program with what it was installed with, watched, bounded, sandboxed', () => {
    expect(Object.keys(files).sort()).toEqual(['care-provision-converge-paris-watch.service', 'care-provision-converge-paris-watch.timer', 'care-provision-converge-paris.service', 'care-provision-converge-paris.timer']);
    expect(service).toContain('ExecStart=/usr/bin/node "/opt/care provision/dist/care-provision.cjs" converge run /srv/care/inventory/paris /srv/care/playbooks/site.yml --inventory /srv/care/inventory/lyon --extra-vars @/etc/care/vars.yml --reports /srv/reports --name paris --metrics /var/lib/prometheus/node-exporter --timeout 3600\n');
    for (const line of ['OnFailure=care-provision-converge-paris-watch.service', 'SuccessExitStatus=2', 'TimeoutStartSec=3600', 'KillMode=mixed', 'User=root', 'ProtectSystem=strict', 'ProtectHome=read-only', 'ReadWritePaths=/var/lib/care/state /var/lib/prometheus/node-exporter /srv/reports -/root/.cache/care-provision', 'CapabilityBoundingSet=CAP_DAC_OVERRIDE', 'EnvironmentFile=/etc/care/env', 'MemoryMax=2G', 'WorkingDirectory=/srv/care']) expect(service.split('\n')).toContain(line);
    const watch = files['care-provision-converge-paris-watch.service'] ?? '';
    expect(watch).toContain('converge watch /srv/care/inventory/paris --inventory /srv/care/inventory/lyon --extra-vars @/etc/care/vars.yml --name paris');
    expect(watch).not.toContain('OnFailure');
    const timer = (files['care-provision-converge-paris.timer'] ?? '').split('\n');
    for (const line of ['OnCalendar=Mon,Sat *-*-* 02:30:00 Asia/Kolkata', 'RandomizedDelaySec=600', 'FixedRandomDelay=yes', 'Persistent=yes']) expect(timer).toContain(line);
  });

  test('are known again, and nothing else is', () => {
    expect(purposeOf(service)).toEqual({ name: 'paris', inventory: init.inventory, arguments: init.arguments, metrics: init.metrics, state: init.state, user: 'root', calendar: 'Mon,Sat *-*-* 02:30:00 Asia/Kolkata', jitter: 600, timeout: 3600 });
    expect(Object.values(files).every(isOurs)).toBe(true);
    expect([isOurs('[Unit]\n'), purposeOf('[Unit]\n'), purposeOf(service.replace('"name"', '"nom"'))]).toEqual([false, undefined, undefined]);
  });

  test('of another user have no capability; without a sandbox none of it', () => {
    expect(unitFiles({ ...init, user: 'care' })['care-provision-converge-paris.service']).toContain('CapabilityBoundingSet=\n');
    expect(unitFiles({ ...init, sandbox: false })['care-provision-converge-paris.service']).not.toContain('Protect');
  });

  test('take a word as it is, whatever is in it', () => {
    expect([unitWord('a b'), unitWord('50%'), unitWord('$HOME'), unitWord('say "x" \\')]).toEqual(['"a b"', '50%%', '$$HOME', '"say \\"x\\" \\\\"']);
    expect(calendarOf({ ...policy.schedule, days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] }, 'UTC')).toBe('*-*-* 02:30:00 UTC');
  });
});

test('the name is the inventory\'s, or of its folder where it has none of its own', () => {
  expect(['inventory/production', 'inventory/paris.yml', 'inventory/lyon/hosts.yml', '/x/Berlin/'].map((one) => nameOf(undefined, one))).toEqual(['production', 'paris', 'lyon', 'berlin']);
  expect(() => nameOf('../x', 'i')).toThrow(/cannot be the name/);
  expect(() => nameOf(undefined, 'a,b,')).toThrow(/cannot be the name/);
});

describe('the manifest', () => {
  const of: ManifestInit = { name: 'paris', schedule: policy.schedule, timeZone: policy.time_zone, image: 'registry.example.org/care@sha256:0', namespace: 'care', claim: 'state', secret: 'care', run: ['inventory/paris', '--name', 'paris'], watch: ['inventory/paris', '--name', 'paris'] };

  test('has one job that runs and one that watches, neither more than it needs', () => {
    const [run, watch] = cronJobs(of);
    expect(run.spec).toMatchObject({ timeZone: 'Asia/Kolkata', concurrencyPolicy: 'Forbid', jobTemplate: { spec: { backoffLimit: 0, activeDeadlineSeconds: 3600 } } });
    const [container] = run.spec.jobTemplate.spec?.template.spec?.containers ?? [];
    expect(container?.args).toEqual(['converge', 'run', 'inventory/paris', '--name', 'paris', '--timeout', '3600']);
    expect(container?.securityContext).toEqual({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } });
    // Of a Secret mounted for a group a private key would be refused.
    const spec = run.spec.jobTemplate.spec?.template.spec;
    expect(spec?.initContainers?.[0]?.command).toEqual(['sh', '-c', 'umask 077 && cp -L /given/* /secrets/']);
    expect(spec?.containers[0]?.volumeMounts?.map((mount) => mount.mountPath)).not.toContain('/given');
    expect(watch.metadata?.name).toBe('care-provision-converge-paris-watch');
  });

  test('spreads sites over the jitter, over midnight into the next day', () => {
    const offsets = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => offsetMinutes(name, 600));
    expect(Math.max(...offsets)).toBeLessThanOrEqual(10);
    expect(new Set(offsets).size).toBeGreaterThan(2);
    expect(offsetMinutes('paris', 0)).toBe(0);
    expect(cronOf({ ...policy.schedule, jitter: 0 }, 'paris')).toBe('30 2 * * 1,6');
    const late = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].find((name) => offsetMinutes(name, 3600) > 30) ?? '';
    expect(cronOf({ at: '23:30', days: ['sat'], jitter: 3600, timeout: 60 }, late)).toMatch(/^\d+ 0 \* \* 0$/);
  });
});

describe('the status', () => {
  const now = Date.parse('2026-11-26T12:00:00Z');
  const look: Look = {
    name: 'paris', inventory: 'inventory/paris', now, watch: { format: 1, since: '2026-11-01T00:00:00.000Z', missed: null, broken: null, looked: '2026-11-26T11:00:00.000Z' },
    record: {
      format: 1, name: 'paris', said: null, lastSuccess: '2026-11-26T02:01:00.000Z',
      begun: { at: '2026-11-26T02:00:00.000Z', pid: 1, started: '', bootId: '', host: 'h', invocation: null, timeout: 3600 },
      ended: { at: '2026-11-26T02:01:00.000Z', status: 2, outcome: 'mended: 1 of 3 hosts changed, 2 changes left as they are', restraint: 'the policy only reports 2 of the changes (unattended)', runs: ['20261126-020000-aaaaaa'], hosts: { changed: 1, converged: 2 }, mended: 1, left: ['file /etc/x: content (db1)', 'unit y: restart (db1)'], leftCount: 2, told: true },
    },
    health: { running: undefined, ailments: [] }, timer: { active: true, enabled: true, watched: true, next: now + 3_600_000, service: 'inactive' }, purpose: undefined, stale: false, due: now + 3_600_000,
    policy, decision: { mend: true }, freeze: undefined, window: 'always', local: (time) => new Date(time).toISOString().slice(0, 16),
  };
  const text = (more: Partial<Look>): string => statusLines({ ...look, ...more }, (_colour, line) => line).join('\n');

  test('says in one look what there is to know', async () => {
    await expect(`${text({})}\n`).toMatchFileSnapshot('golden/status.txt');
  });

  test('says first what is wrong', () => {
    const ill = text({ health: { running: undefined, ailments: [{ what: 'missed', at: now, text: 'the run that was due has not begun' }] }, timer: { active: false, enabled: false, watched: false, next: undefined, service: 'failed, signal 9' }, stale: true });
    expect(ill.split('\n')[1]).toMatch(/^MISSED +the run that was due has not begun$/);
    expect(ill).toContain('NOT active; NOT enabled; nobody watches it; written for another schedule than the policy has: install it again');
    expect(text({ timer: undefined, record: undefined })).toMatch(/not installed on this machine[^]*/);
  });
});

test('docs/converge.md has every metric that there is, and its rules ask for no other', () => {
  const docs = readFileSync(path.join(import.meta.dirname, '..', '..', '..', '..', 'docs', 'converge.md'), 'utf8');
  const record = { format: 1 as const, name: 'x', said: null, lastSuccess: '2026-11-26T02:01:00.000Z', begun: { at: '2026-11-26T02:00:00.000Z', pid: 1, started: '', bootId: '', host: 'h', invocation: null, timeout: 60 }, ended: { at: '2026-11-26T02:01:00.000Z', status: 0, outcome: '', restraint: '', runs: [], hosts: {}, mended: 0, left: [], leftCount: 0, told: true, recurring: 1 } };
  const text = convergeMetrics(record, { running: undefined, ailments: [] }, { interval: 86_400, since: '2026-11-25T10:00:00.000Z', looked: '2026-11-26T12:00:00.000Z' });
  const names = [...text.matchAll(/^care_converge_(\w+)\{/gm)].map(([, name = '']) => name);
  expect(new Set(names).size).toBe(17);
  for (const name of names) expect(docs).toMatch(new RegExp(`(care_converge_|…)${name}\\b`));
  for (const [, name = ''] of docs.matchAll(/care_converge_(\w+)/g)) expect(names).toContain(name);
});

/** A run rolled back on real hosts: files, a unit, handlers; killed at any point; with its record. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Lab } from '../../../src/lab/index.ts';
import { eventually, hostVariables, inventoryOf, labProject, LEFTOVERS, onHost, type LabProject } from '../support/lab-project.ts';
import { sharedLab } from '../support/lab.ts';

const HOSTS = ['test-trixie', 'test-bookworm'] as const;
const [FIRST, SECOND] = HOSTS;
const RUNS = '/var/lib/care-provision/runs';
const CLEAN = `systemctl disable --now rolled.service 2>/dev/null; rm -rf /etc/rolled /etc/systemd/system/rolled.service* ${RUNS} /var/lib/care-provision/pending; systemctl daemon-reload`;

/** `slow` delays the validation of the second file, once, so that something can be killed in it. */
const PLAYBOOK = `- hosts: all
  tasks:
    - { name: directory, file: { path: /etc/rolled, state: directory } }
    - { name: configuration, copy: { dest: /etc/rolled/conf, content: "value={{ value }}\\n", mode: "0640" }, notify: restart rolled }
    - { name: second, copy: { dest: /etc/rolled/second, content: "{{ value }}\\n", validate: "sh -c 'test ! -e /etc/rolled/slow || { rm /etc/rolled/slow; touch /etc/rolled/began; sleep 30; }; true %s'" }, notify: told }
    - name: unit
      systemd_unit:
        name: rolled.service
        content: |
          [Service]
          EnvironmentFile=/etc/rolled/conf
          ExecStart=/bin/sh -c 'echo $value >/run/rolled; exec sleep infinity'
          [Install]
          WantedBy=multi-user.target
      notify: restart rolled
    - { name: running, systemd: { name: rolled, state: started, enabled: true } }
  handlers:
    - { name: restart rolled, systemd: { name: rolled, state: restarted } }
    - { name: told, shell: "echo {{ default value 'again' }} >>/etc/rolled.told" }
`;

let lab: Lab;
let project: LabProject;
beforeAll(async () => { lab = await sharedLab(); });
beforeEach(async () => {
  for (const host of HOSTS) await onHost(lab, host, `${CLEAN}; rm -f /etc/rolled.told`);
  project = labProject({ 'playbook.yml': PLAYBOOK, 'inventory.yml': inventoryOf(Object.fromEntries(HOSTS.map((host) => [host, hostVariables(lab, host)]))) });
});
afterEach(() => { project.remove(); });
afterAll(async () => { for (const host of HOSTS) await onHost(lab, host, `${CLEAN}; rm -f /etc/rolled.told`); });

interface Answer { readonly status: number | null; readonly stdout: string; readonly stderr: string }
const care = (...words: readonly string[]): Promise<Answer> => project.start(words).ended;
const apply = (value: string): Promise<Answer> => care('apply', 'inventory.yml', 'playbook.yml', '-e', `value=${value}`, '--output', 'json');
const runOf = ({ stdout }: Answer): string => /"run":"([^"]+)"/.exec(stdout)?.[1] ?? '';
const changesOf = ({ stdout }: Answer): readonly string[] => stdout.trim().split('\n').map((line) => JSON.parse(line) as { type: string; host: string; resource: string }).flatMap((e) => (e.type === 'change' ? [`${e.host} ${e.resource}`] : [])).sort();
const state = (host: string): Promise<string> => onHost(lab, host, 'cat /etc/rolled/conf /etc/rolled/second /run/rolled; stat -c %a /etc/rolled/conf; systemctl is-active rolled; systemctl is-enabled rolled');
const pending = (host: string): Promise<string> => onHost(lab, host, 'ls /var/lib/care-provision/pending 2>/dev/null | wc -l');

test('files are back, the unit has restarted with them, the record says so, and that can be undone', async () => {
  const first = await apply('one');
  expect([first.status, first.stderr]).toEqual([0, '']);
  const second = await apply('two');
  for (const host of HOSTS) expect(await state(host)).toBe('value=two\ntwo\ntwo\n640\nactive\nenabled');

  const checked = await care('rollback', runOf(second), '--check', '--output', 'json');
  expect([checked.status, checked.stderr]).toEqual([2, '']);
  // The unit's handler and the other are predicted, too.
  expect(changesOf(checked)).toEqual(HOSTS.flatMap((host) => ['file /etc/rolled/conf', 'file /etc/rolled/second', 'shell echo again >>/etc/rolled.told', 'unit rolled.service'].map((each) => `${host} ${each}`)).sort());
  expect(await state(FIRST)).toBe('value=two\ntwo\ntwo\n640\nactive\nenabled');

  // By the beginning of its name, without inventory and playbooks: the history knows them.
  const rolled = await care('rollback', runOf(second), '--output', 'json');
  expect([rolled.status, rolled.stderr, changesOf(rolled)]).toEqual([0, '', changesOf(checked)]);
  for (const host of HOSTS) {
    expect(await state(host)).toBe('value=one\none\none\n640\nactive\nenabled');
    expect(await onHost(lab, host, 'cat /etc/rolled.told')).toBe('one\ntwo\nagain');
    expect(await pending(host)).toBe('0');
  }
  const shown = await care('history', 'show', runOf(rolled));
  expect(shown.stdout).toContain(`rollback ${runOf(second)}`);
  expect(shown.stdout).toContain('put back: content 4 → 4 bytes');

  // The rollback of the rollback, without the playbooks: the unit is restarted all the same.
  const again = await care('rollback', runOf(rolled), '--no-playbooks', '--output', 'json');
  expect(again.status).toBe(0);
  for (const host of HOSTS) expect(await state(host)).toBe('value=two\ntwo\ntwo\n640\nactive\nenabled');
  expect(again.stdout).toContain('handler told is in none of the playbooks and did nothing to a unit: it is not run');

  // The first run brought it all: nothing of it is left, and nobody starts the unit that is gone. Later runs have changed the same.
  const refused = await care('rollback', runOf(first), '--output', 'json');
  expect(refused.status).toBe(3);
  expect(refused.stdout).toContain(`(run ${runOf(again)} has changed it: roll that one back first)`);
  expect((await care('rollback', runOf(again), '--limit', FIRST)).status).toBe(0);
  const gone = await care('rollback', runOf(first), '--limit', FIRST, '--output', 'json');
  expect([gone.status, gone.stderr]).toEqual([0, '']);
  expect(await onHost(lab, FIRST, 'ls -d /etc/rolled /etc/systemd/system/rolled.service /etc/systemd/system/*/rolled.service 2>/dev/null; systemctl show -p LoadState,ActiveState --value rolled; true')).toBe('not-found\ninactive');
});

test('what was done on another host is put back there, though the run did nothing else on it; the host that asked has nothing to lose', async () => {
  project.write('delegated.yml', `- hosts: ${FIRST}\n  tasks:\n    - { file: { path: /etc/rolled, state: directory }, delegate_to: ${SECOND} }\n    - { copy: { dest: /etc/rolled/there, content: x }, delegate_to: ${SECOND} }\n`);
  const made = await care('apply', 'inventory.yml', 'delegated.yml', '--output', 'json');
  expect([made.status, made.stderr, await onHost(lab, SECOND, 'ls /etc/rolled')]).toEqual([0, '', 'there']);
  const rolled = await care('rollback', runOf(made), '--output', 'json');
  expect([rolled.status, rolled.stderr, changesOf(rolled)]).toEqual([0, '', [`${SECOND} directory /etc/rolled`, `${SECOND} file /etc/rolled/there`]]);
  expect(await onHost(lab, SECOND, 'ls -d /etc/rolled 2>/dev/null; true')).toBe('');
});

test('killed in the middle, the run or the rollback: what was begun is put back, the handlers that are owed run', async () => {
  await apply('one');
  await onHost(lab, FIRST, 'touch /etc/rolled/slow');
  const running = project.start(['apply', 'inventory.yml', 'playbook.yml', '-e', 'value=two', '--limit', FIRST]);
  const began = (): Promise<void> => eventually(async () => (await onHost(lab, FIRST, 'ls /etc/rolled')).includes('began'), 20_000, () => 'the slow change began');
  await began();
  running.process.kill('SIGKILL');
  await running.ended;
  await eventually(async () => (await onHost(lab, FIRST, LEFTOVERS)) === '', 40_000, () => 'nothing is left of it');
  expect(await onHost(lab, FIRST, 'cat /etc/rolled/conf /etc/rolled/second')).toBe('value=two\none');
  const killed = (await onHost(lab, FIRST, `ls ${RUNS} | tail -n 1`));

  // The second file was not written: there is nothing to put back of it.
  const rolled = await care('rollback', killed, '--output', 'json');
  expect([rolled.status, rolled.stderr]).toEqual([0, '']);
  expect(await state(FIRST)).toBe('value=one\none\none\n640\nactive\nenabled');
  expect(await pending(FIRST)).toBe('0');

  const second = await apply('two');
  await onHost(lab, FIRST, 'rm -f /etc/rolled/began; touch /etc/rolled/slow');
  const back = project.start(['rollback', runOf(second), '--limit', FIRST]);
  await began();
  back.process.kill('SIGKILL');
  await back.ended;
  await eventually(async () => (await onHost(lab, FIRST, LEFTOVERS)) === '', 40_000, () => 'nothing is left of it');
  expect(await pending(FIRST)).toBe('2');
  const finished = await care('rollback', runOf(second), '--limit', FIRST, '--output', 'json');
  expect([finished.status, finished.stderr]).toEqual([0, '']);
  expect([await state(FIRST), await pending(FIRST)]).toEqual(['value=one\none\none\n640\nactive\nenabled', '0']);
});

test('a copy that is lost: the rest is back with its handlers, and the status says that not all is; one that the host has dropped', async () => {
  await apply('one');
  const run = runOf(await apply('two'));
  expect(await onHost(lab, FIRST, `find ${RUNS}/${run} -type f -name second -print -delete | wc -l`)).toBe('1');
  const partly = await care('rollback', run, '--limit', FIRST, '--output', 'json');
  expect([partly.status, partly.stdout]).toEqual([3, expect.stringContaining(`not all is back of run ${run}: file /etc/rolled/second: its copy is missing`) as string]);
  expect(await onHost(lab, FIRST, 'cat /etc/rolled/conf /etc/rolled/second /run/rolled')).toBe('value=one\ntwo\none');
  await onHost(lab, FIRST, `rm -r ${RUNS}/${run}`);
  const dropped = await care('rollback', run, '--output', 'json');
  expect([dropped.status, dropped.stdout]).toEqual([3, expect.stringContaining(`nothing was put back of run ${run}`) as string]);
  // The other host is back, whole.
  expect(await state(HOSTS[1])).toBe('value=one\none\none\n640\nactive\nenabled');
});

test('a converged run keeps nothing; bad words are refused before a host is touched', async () => {
  const first = await apply('one');
  const before = await onHost(lab, FIRST, `ls ${RUNS}`);
  expect(changesOf(await apply('one'))).toEqual([]);
  expect([before, await onHost(lab, FIRST, `ls ${RUNS}; stat -c %a ${RUNS} ${RUNS}/*`)]).toEqual([runOf(first), `${runOf(first)}\n700\n700`]);
  const unknown = await care('rollback', '19990101-000000-aaaaaa');
  expect([unknown.status, unknown.stderr]).toEqual([65, expect.stringContaining('run 19990101-000000-aaaaaa is not in this history') as string]);
  const check = await care('check', 'inventory.yml', 'playbook.yml', '-e', 'value=one', '--output', 'json');
  const refused = await care('rollback', runOf(check));
  expect([refused.status, refused.stderr]).toEqual([65, expect.stringContaining('was a check: it has changed nothing') as string]);
});

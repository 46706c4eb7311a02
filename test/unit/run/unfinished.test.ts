/** A host that the run has left before its end is not called converged, whatever has been done on it. */
import { afterEach, describe, expect, test } from 'vitest';
import { Collector } from '../../../src/cli/report/collect.ts';
import { tellingEvents } from '../../../src/cli/notify/decide.ts';
import { outcome } from '../../../src/cli/report/words.ts';
import { historyReporter } from '../../../src/run/history-reporter.ts';
import { openSqliteStore } from '../../../src/state/sqlite-store.ts';
import { testProject, type Result, type TestProject } from './support.ts';

let project: TestProject | undefined;
afterEach(() => { project?.remove(); });

function playbook(text: string): TestProject {
  project = testProject({ 'playbook.yml': text }, ['one', 'two', 'three']);
  return project;
}
function states(result: Result): Record<string, string> {
  const collector = new Collector();
  for (const event of result.events) collector.event(event, 0);
  return Object.fromEntries(collector.report().hosts.map((host) => [host.name, host.state]));
}
const FAILS = `{ name: fails, fail: { msg: no }, when: inventory_hostname == 'one' }`;

describe('unfinished', () => {
  test('hosts of the batches and plays after one of which every host has failed', async () => {
    const result = await playbook(`- hosts: all\n  serial: 1\n  tasks: [${FAILS}]\n- hosts: all\n  tasks: [{ ping: {} }]\n`).run();
    expect([result.status, result.summary?.unfinished, states(result)]).toEqual([3, ['two', 'three'], { one: 'failed', two: 'unfinished', three: 'unfinished' }]);
  });

  test('hosts that any_errors_fatal has stopped in their way, and of later plays', async () => {
    const result = await playbook(`- hosts: one,two\n  any_errors_fatal: true\n  strategy: linear\n  tasks: [{ ping: {} }, ${FAILS}, { name: last, ping: {} }]\n- hosts: three\n  tasks: [{ ping: {} }]\n`).run();
    expect([result.status, result.summary?.unfinished]).toEqual([3, ['two', 'three']]);
  });

  test('all that were at work when somebody interrupted the run; what is not said to have ended has not', async () => {
    const stop = new AbortController();
    const dir = playbook('- hosts: one\n  tasks: [{ ping: {} }]\n- hosts: all\n  tasks: [{ name: here, ping: {} }, { name: last, ping: {} }]\n');
    const store = await openSqliteStore(`${dir.dir}/history.sqlite`);
    const history = historyReporter({ open: () => openSqliteStore(`${dir.dir}/history.sqlite`), warn: () => undefined });
    const result = await dir.run({ stop: stop.signal, reporter: { event: (event) => { history.event(event); if (event.type === 'play' && event.hosts.length === 3) stop.abort(); }, close: () => Promise.resolve() } });
    await history.close();
    expect(result.status).toBe(130);
    const [run] = await store.listRuns({ limit: 1 });
    expect((await store.showRun(run?.id ?? ''))?.hosts).toEqual({ one: null, two: null, three: null });
    expect(await store.lastConverged('one')).toBeUndefined();
    await store.close();
  });

  test('not a host that ended by the playbook', async () => {
    const reached = await playbook("- hosts: all\n  tasks: [{ name: early, ping: {}, when: inventory_hostname == 'one' }, { meta: end_play }]\n").run();
    expect([reached.status, reached.summary?.unfinished]).toEqual([0, undefined]);
  });
});

describe('a run without a task', () => {
  test('is not called converged, as nobody has looked', async () => {
    const result = await playbook('- hosts: all\n  tasks: [{ ping: {}, tags: [x] }]\n').run({ skipTags: ['x'] });
    const collector = new Collector();
    for (const event of result.events) collector.event(event, 0);
    expect(outcome(collector.report())).toEqual({ text: 'nothing was run: no task is there for 3 hosts', tone: 'doubt' });
    expect(tellingEvents(collector.report(), [], Date.now())).toEqual([]);
  });
});

/** Workers without a server: places, shares, sums, what cannot be shared, hosts that wait for others elsewhere, the manifest. */
import { afterEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { workerJob } from '../../../src/cli/workers/job.ts';
import { BatchWatch } from '../../../src/run/batch-watch.ts';
import { noCounts } from '../../../src/run/counts.ts';
import type { RunEvent } from '../../../src/run/events.ts';
import { loadProject } from '../../../src/run/load.ts';
import { comparePositions, Rendezvous, type Position } from '../../../src/run/rendezvous.ts';
import type { BatchStanding, Together } from '../../../src/run/together.ts';
import { loadAndDigest } from '../../../src/run/workers/digest.ts';
import { divisionProblems } from '../../../src/run/workers/divisible.ts';
import { dealOut, placeText } from '../../../src/run/workers/places.ts';
import { isWorthTelling, type Summary } from '../../../src/run/workers/share-reporter.ts';
import { addUp } from '../../../src/run/workers/summary.ts';
import { ExitStatus } from '../../../src/support/diagnostic.ts';
import { testProject, type TestProject } from './support.ts';

describe('places', () => {
  const MAX = Number.MAX_SAFE_INTEGER;
  const positions: readonly Position[] = [[0], [0, 0], [0, 0, -1], [0, 0, 0], [0, 0, 0, 5], [0, 0, 0, 10], [0, 0, 0, MAX], [0, 0, 1, 0], [0, 1], [0, 12], [1], [2, 0, -1]];
  test('sort as the run goes', () => {
    const sorted = [...positions].map((each) => placeText(...each)).sort();
    expect(sorted).toEqual(positions.map((each) => placeText(...each)));
    for (const [i, a] of positions.entries()) for (const [j, b] of positions.entries()) if (a.length === b.length) expect(Math.sign(comparePositions(a, b))).toBe(Math.sign(i - j));
  });
});

test('hosts are dealt out whole, neighbours together', () => {
  const hosts = ['a', 'b', 'c', 'd', 'e'];
  expect(dealOut(hosts, 2)).toEqual([['a', 'b'], ['c', 'd', 'e']]);
  expect(dealOut(hosts, 9).map((share) => share.length)).toEqual([1, 1, 1, 1, 1]);
  expect(dealOut([], 3)).toEqual([]);
});

describe('the sum of shares', () => {
  const part = (host: string, status: ExitStatus, changed: number): Summary => {
    const counts = { ...noCounts(), ok: 3, changed };
    return { type: 'summary', run: 'r', time: '', status, seconds: 1, total: counts, hosts: { [host]: counts }, roles: { web: counts }, slowest: [{ host, role: '', task: 't', seconds: changed }] };
  };
  test('counts, roles, the slowest, and the worst status', () => {
    const sum = addUp([part('a', ExitStatus.drift, 1), part('b', ExitStatus.unreachable, 2)], []);
    expect([sum.status, sum.total.ok, sum.total.changed, sum.roles['web']?.changed, Object.keys(sum.hosts), sum.slowest.map((each) => each.host), sum.unfinished]).toEqual([ExitStatus.unreachable, 6, 3, 3, ['a', 'b'], ['b', 'a'], []]);
  });
  test('hosts that nobody got through with are a failure', () => {
    const sum = addUp([part('a', ExitStatus.ok, 1)], ['b']);
    expect([sum.status, sum.unfinished, sum.hosts['b']?.ok]).toEqual([ExitStatus.failed, ['b'], 0]);
  });
});

test('what was merely ok or skipped is counted, not told', () => {
  const task = (status: 'ok' | 'skipped' | 'changed' | 'failed'): RunEvent => ({ type: 'task', host: 'h', play: '', role: '', task: '', module: '', status, seconds: 0, at: '', handler: false });
  expect([task('ok'), task('skipped'), task('changed'), task('failed'), { type: 'warning', message: '' } as const].map(isWorthTelling)).toEqual([false, false, true, true, true]);
});

describe('hosts that wait for hosts elsewhere', () => {
  const later = async (): Promise<void> => { await new Promise((resolve) => { setTimeout(resolve, 20); }); };
  test('go on when those have come, led by whoever leads', async () => {
    let open: (leader: string | undefined) => void = () => undefined;
    const asked: unknown[] = [];
    const rendezvous = new Rendezvous(['a', 'b'], (position, first, once) => { asked.push([position, first, once]); return new Promise((resolve) => { open = resolve; }); });
    const gone: string[] = [];
    const both = ['a', 'b'].map(async (host) => { const together = await rendezvous.arrive(host, [1], true); gone.push(host); return together; });
    await later();
    expect([gone, asked]).toEqual([[], [[[1], 'a', true]]]);
    open('elsewhere');
    expect(await Promise.all(both)).toEqual([['elsewhere', 'a', 'b'], ['elsewhere', 'a', 'b']]);
  });
  test('fail together when that cannot be known', async () => {
    const rendezvous = new Rendezvous(['a', 'b'], () => Promise.reject(new Error('lost')));
    const both = await Promise.allSettled(['a', 'b'].map((host) => rendezvous.arrive(host, [1])));
    expect(both.map((each) => each.status)).toEqual(['rejected', 'rejected']);
  });
});

describe('a batch on several workers', () => {
  const watchOf = (others: BatchStanding, most?: number): { readonly watch: BatchWatch; readonly told: BatchStanding[] } => {
    const told: BatchStanding[] = [];
    // Only `stand` is asked of it.
    const together = { stand: (_at: unknown, own: BatchStanding) => { told.push(own); return Promise.resolve({ hosts: own.hosts + others.hosts, failed: own.failed + others.failed, stopped: own.stopped ?? others.stopped }); } } as unknown as Together;
    return { watch: new BatchWatch(together, { play: 0, batch: 0 }, 2, 10, most), told };
  };
  test('max_fail_percentage counts failures everywhere', async () => {
    const { watch, told } = watchOf({ hosts: 8, failed: 2, stopped: undefined }, 25);
    const why = await new Promise<string>((resolve) => { watch.failed(1, undefined, resolve); });
    expect(why).toBe('3 of 10 hosts have failed, more than 25 %');
    await watch.close(1);
    expect(told.at(-1)?.stopped).toBe(why);
  });
  test('what ends the play elsewhere ends it here', async () => {
    const { watch } = watchOf({ hosts: 8, failed: 1, stopped: 'fatal there' });
    const why = await new Promise<string>((resolve) => { watch.failed(0, undefined, resolve); });
    expect(why).toBe('fatal there');
    await watch.close(0);
  });
});

describe('what workers cannot share', () => {
  let project: TestProject;
  afterEach(() => { project.remove(); });
  const problems = (tasks: string): readonly string[] => {
    project = testProject({ 'playbook.yml': `- hosts: all\n  tasks:\n${tasks.split('\n').map((line) => `    ${line}`).join('\n')}\n` }, ['one', 'two']);
    return divisionProblems(loadProject({ inventory: [`${project.dir}/inventory.yml`], playbooks: [`${project.dir}/playbook.yml`], mode: 'apply' })).map((each) => each.message.replace('workers cannot share this task: ', ''));
  };
  test.each([
    ['- { command: a, delegate_to: two }', /^delegate_to another host/],
    ['- { command: a, throttle: 2 }', /^throttle/],
    ['- { command: a, run_once: true, register: x }', /^run_once with register/],
    ['- { set_fact: { x: 1 }, run_once: true }', /^run_once with set_fact/],
    ['- { meta: end_play }', /^meta end_play/],
    ['- { include_tasks: "{{ inventory_hostname }}.yml" }', /^an include whose name is a template/],
    ['- { command: a, register: x }\n- { debug: { msg: "{{ hostvars.two.x.rc }}" } }', /^hostvars with x/],
    ['- { set_fact: { x: 1 } }\n- { command: a, when: hostvars.two.x == 1 }', /^hostvars with x/],
    ['- { command: a, register: x }\n- { command: b, changed_when: hostvars.two.x.changed }', /^hostvars with x/],
    ['- { command: a, register: x }\n- { command: b, register: y, until: hostvars.two.x.rc == 0 }', /^hostvars with x/],
    ['- { command: a, register: x }\n- { command: b, environment: { A: "{{ hostvars.two.x.rc }}" } }', /^hostvars with x/],
    ['- { command: a, register: x }\n- { name: "{{ hostvars.two.x.rc }}", command: b }', /^hostvars with x/],
    ['- { include_vars: { file: more.yml } }\n- { debug: { msg: "{{ hostvars.two.x }}" } }', /^hostvars, where a task has include_vars without a name/],
  ])('%s', (tasks, why) => {
    expect(problems(tasks)).toEqual([expect.stringMatching(why)]);
  });
  test.each([
    ['inventory.yml', 'all:\n  hosts:\n    one: { other: "{{ hostvars.two.x.rc }}" }\n    two: {}\n'],
    ['playbook.yml', '- hosts: all\n  vars: { other: "{{ hostvars.two.x.rc }}" }\n  tasks: [{ command: a, register: x }]\n'],
    ['roles/r/vars/main.yml', 'other: "{{ hostvars.two.x.rc }}"\n'],
  ])('a variable that looks at them: %s', (file, text) => {
    project = testProject({ 'playbook.yml': '- hosts: all\n  roles: [r]\n', 'roles/r/role.yml': 'summary: r.\n', 'roles/r/tasks/main.yml': '- { command: a, register: x }\n', [file]: text }, ['one', 'two']);
    const problems = divisionProblems(loadProject({ inventory: [`${project.dir}/inventory.yml`], playbooks: [`${project.dir}/playbook.yml`], mode: 'apply' }));
    expect(problems.map((each) => each.message)).toEqual([expect.stringContaining('workers cannot share the variable other: hostvars with x') as string]);
  });
  test('what they can: localhost, run_once without a result, facts of others', () => {
    expect(problems('- { command: a, delegate_to: localhost }\n- { command: a, run_once: true }\n- { debug: { msg: "{{ hostvars.two.ansible_hostname }}" } }\n- { meta: flush_handlers }\n- { command: a, register: x }\n- { debug: { msg: "{{ x.rc }}" } }')).toEqual([]);
  });
  test('a worker that has other files, options or variables is told by the digest; values of variables are not in it', () => {
    project = testProject({ 'playbook.yml': '- hosts: all\n  tasks:\n    - { command: a }\n' });
    const base = { mode: 'apply', inventory: [`${project.dir}/inventory.yml`], playbooks: [`${project.dir}/playbook.yml`], limit: undefined, tags: [], skipTags: [], forks: 1, extraVars: { a: '1' }, startAtTask: undefined, diff: false, becomePassword: undefined, lockWaitSeconds: 0, reporter: { event: () => undefined, close: () => Promise.resolve() }, stop: new AbortController().signal, kill: new AbortController().signal, prompt: undefined } as const;
    const first = loadAndDigest(base).digest;
    expect([loadAndDigest({ ...base, extraVars: { a: '2' }, forks: 5 }).digest === first, loadAndDigest({ ...base, limit: 'one' }).digest === first, loadAndDigest({ ...base, extraVars: {} }).digest === first]).toEqual([true, false, false]);
    project.write('playbook.yml', '- hosts: all\n  tasks:\n    - { command: b }\n');
    expect(loadAndDigest(base).digest).not.toBe(first);
  });
});

test('the manifest is an Indexed Job that may be read back', () => {
  const job = parse(workerJob({ run: '20261126-020004-9f3a1c', image: 'registry.example/care: "x"', secret: 'care', completions: 3, words: ['worker', '--run', 'r', "it's"] })) as { kind: string; spec: Record<string, unknown> & { template: { spec: { securityContext: unknown; containers: readonly { args: unknown; image: string }[] } } }; metadata: { name: string } };
  expect([job.kind, job.metadata.name, job.spec['completionMode'], job.spec['completions'], job.spec['parallelism'], job.spec['backoffLimit']]).toEqual(['Job', 'care-provision-20261126-020004-9f3a1c', 'Indexed', 3, 3, 6]);
  expect([job.spec.template.spec.containers[0]?.args, job.spec.template.spec.containers[0]?.image]).toEqual([['worker', '--run', 'r', "it's"], 'registry.example/care: "x"']);
  // Files of a Secret are root's, and the worker is not root.
  expect(job.spec.template.spec.securityContext).toMatchObject({ runAsNonRoot: true, fsGroup: expect.any(Number) as number });
});

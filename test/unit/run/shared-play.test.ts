/** Plays of a run whose other hosts other workers have: who takes part is decided for all, and what those hosts know is not guessed. */
import { afterEach, expect, test } from 'vitest';
import type { BatchPlace, Together } from '../../../src/run/together.ts';
import { testProject, type Result, type TestProject } from './support.ts';

let project: TestProject | undefined;
afterEach(() => { project?.remove(); });

/** The hosts `one` and `two` are ours; whoever else is in the inventory is elsewhere. */
function worker(more: Partial<Together>): { readonly together: Together; readonly entered: BatchPlace[] } {
  const entered: BatchPlace[] = [];
  const together: Together = {
    run: 'r', lockName: 'r/0.2', owns: (host) => ['one', 'two'].includes(host), made: new Set(),
    enterPlay: (_play, gone) => Promise.resolve(gone),
    enterBatch: (at) => { entered.push(at); return Promise.resolve([]); },
    meet: () => Promise.resolve(), meetOnce: (_at, _position, first) => Promise.resolve(first), outcome: () => Promise.resolve(undefined), conclude: () => Promise.resolve(),
    stand: (_at, own) => Promise.resolve(own), tellFacts: () => Promise.resolve(), foreignFacts: () => Promise.resolve(new Map()),
    ...more,
  };
  return { together, entered };
}

const BATCHES = '- hosts: all\n  tasks: [{ name: first, command: "true" }]\n- hosts: all\n  serial: 2\n  tasks: [{ name: "batch {{ join ansible_play_batch \'+\' }}", command: "true" }]\n';
const ALL = ['elsewhere', 'one', 'two', 'zone'];
const second = (result: Result): readonly string[] => result.tasks.filter((each) => !each.includes('|first|'));

test('a host that the others have begun a play without is left out of it, and told of as failed', async () => {
  project = testProject({ 'playbook.yml': BATCHES }, ALL);
  const { together, entered } = worker({ enterPlay: (play) => Promise.resolve(play === 0 ? [] : ['one']) });
  const result = await project.run({ together });
  // Batches are cut from those who take part: elsewhere and two, then zone, of which nobody is here.
  expect(second(result)).toEqual(['one|the play|failed', 'two|batch elsewhere+two|changed']);
  expect([result.status, entered.filter((at) => at.play === 1)]).toEqual([3, [{ play: 1, batch: 0 }, { play: 1, batch: 2 }]]);
});

test('batches are those that were decided upon, also when a host of ours fails that takes part for the others', async () => {
  project = testProject({ 'playbook.yml': BATCHES.replace('command: "true"', 'command: "false", when: inventory_hostname == \'one\'') }, ALL);
  const { together } = worker({ enterPlay: () => Promise.resolve([]) });
  const result = await project.run({ together });
  expect(second(result)).toEqual(['two|batch two+zone|changed']);
});

test('what tasks make of hosts elsewhere is refused, not taken for undefined; what the inventory has is there', async () => {
  project = testProject({ 'playbook.yml': `- hosts: all
  tasks:
    - { name: said, command: "true", register: said }
    - { name: inventory, debug: { msg: "{{ hostvars.elsewhere.work }}" } }
    - { name: own, debug: { msg: "{{ default hostvars.one.said.rc 'none' }}" } }
    - { name: guess, debug: { msg: "{{ default hostvars.elsewhere.said 'none' }}" } }
` }, ALL);
  const { together } = worker({ made: new Set(['said']) });
  const result = await project.run({ together });
  expect(result.tasks.filter((each) => each.startsWith('one'))).toEqual(['one|said|changed', 'one|inventory|ok', 'one|own|ok', 'one|guess|failed']);
  expect(result.events.flatMap((event) => (event.type === 'task' && event.error !== undefined ? [event.error] : []))[0]).toContain('said of elsewhere is not known here: a task makes it, and another worker has that host');
});

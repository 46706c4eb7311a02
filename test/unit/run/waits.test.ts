/** What was seen ahead of a wait, or of a command that was cut short, is not believed after it. */
import { afterEach, expect, it } from 'vitest';
import { testProject, type TestProject } from './support.ts';

let project: TestProject | undefined;
afterEach(() => {
  project?.remove();
  project = undefined;
});

it.each([
  ['wait_for', 'wait_for: { path: "{{ work }}/x", sleep: 1 }'],
  ['pause', 'pause: { seconds: 2 }'],
])('%s, with questions asked ahead over it', async (_module, wait) => {
  project = testProject({ 'playbook.yml': `- hosts: all
  tasks:
    - name: begin
      shell: "(sleep 1; echo hi >{{ work }}/x) >/dev/null 2>&1 &"
    - name: ask
      file: { path: "{{ work }}/y", state: directory }
    - name: wait
      ${wait}
    - name: look
      stat: { path: "{{ work }}/x" }
      register: seen
    - name: say
      assert: { that: seen.stat.exists }
    - name: remove
      file: { path: "{{ work }}/x", state: absent }
` });
  const { tasks } = await project.run();
  expect(tasks.slice(-4)).toEqual(['one|wait|ok', 'one|look|ok', 'one|say|ok', 'one|remove|changed']);
});

it('a command whose shell is killed, with questions asked ahead over it', async () => {
  project = testProject({ 'playbook.yml': `- hosts: all
  tasks:
    - block:
        - name: ask
          file: { path: "{{ work }}/x", state: absent }
        - name: act
          shell: "echo hi >{{ work }}/x; s=$(cut -d' ' -f6 /proc/self/stat); kill -KILL $(cut -d' ' -f4 /proc/$s/stat); sleep 1"
      rescue:
        - name: remove
          file: { path: "{{ work }}/x", state: absent }
` });
  const { tasks } = await project.run();
  expect(tasks).toEqual(['one|ask|ok', 'one|act|failed', 'one|remove|changed']);
});

/** A reboot as a barrier: the connection ends, another boot answers, what was known is forgotten, the lock is taken anew. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Lab } from '../../../src/lab/index.ts';
import { hostVariables, inventoryOf, labProject, onHost, troubleOf, type LabProject } from '../support/lab-project.ts';
import { sharedLab } from '../support/lab.ts';

const HOST = 'test-bookworm';
let lab: Lab;
let project: LabProject;
beforeAll(async () => { lab = await sharedLab(); });
afterAll(async () => {
  project.remove();
  await onHost(lab, HOST, 'rm -f /root/reboot-*');
});

it('reboots, waits for another boot, and goes on with fresh facts', async () => {
  project = labProject({
    'inventory.yml': inventoryOf({ [HOST]: hostVariables(lab, HOST) }),
    'playbook.yml': `- hosts: all
  tasks:
    - { copy: { dest: /root/reboot-before, content: "{{ ansible_boot_id }}" } }
    - { copy: { dest: /run/reboot-volatile, content: x } }
    - { reboot: { reboot_timeout: 120 }, register: rebooted }
    - { command: cat /proc/sys/kernel/random/boot_id, register: boot, changed_when: false }
    - { assert: { that: [rebooted.rebooted, boot.stdout != ansible_boot_id] } }
    - { copy: { dest: /run/reboot-volatile, content: x } }
    - { command: ls /run/care-provision.lock, register: locks, changed_when: false }
    - { copy: { dest: /root/reboot-after, content: "{{ locks.stdout }}" } }
`,
  });
  const boot = (): Promise<string> => onHost(lab, HOST, 'cat /proc/sys/kernel/random/boot_id; stat -c %Y /proc/1');
  const before = await boot();
  const result = await project.run();
  expect([troubleOf(result, HOST), result.status]).toEqual(['', 0]);
  expect(await boot()).not.toBe(before);
  // Written before and, because /run is empty after a boot, once more after it.
  expect(result.changes.filter((c) => c.includes('reboot-volatile'))).toHaveLength(2);
  expect(await onHost(lab, HOST, 'cat /root/reboot-after')).toMatch(/^\d+$/);
});

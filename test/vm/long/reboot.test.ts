/** Module reboot on a kernel of its own: another kernel, a boot that takes long, a host that does not come back. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { labDown, labSnapshots, labUp, type Lab } from '../../../src/lab/index.ts';
import { inventoryOf, labProject, onHost, troubleOf, type LabProject } from '../../integration/support/lab-project.ts';
import { ownLab } from '../../integration/support/lab.ts';
import { bootId, vmVariables } from '../../integration/support/vm-lab.ts';

const HOST = 'vm-a1';
const own = { ...ownLab('reboot'), driver: 'vm' as const, hosts: [{ name: HOST, site: 'kochi', release: 'bookworm' as const, memoryMiB: 768 }] };
let lab: Lab;
let project: LabProject;
beforeAll(async () => {
  lab = await labUp(own);
  project = labProject({ 'inventory.yml': inventoryOf({ [HOST]: vmVariables(lab, HOST) }) });
});
afterAll(async () => {
  await labDown(own);
  project.remove();
});

async function play(tasks: string): Promise<Awaited<ReturnType<LabProject['run']>>> {
  project.write('playbook.yml', `- hosts: all\n  tasks:\n${tasks.replaceAll(/^/gm, '    ')}\n`);
  return project.run();
}

it('boots the kernel that was installed, and tasks behind it see that one', async () => {
  const running = await onHost(lab, HOST, 'uname -r');
  // The newest kernel package of another version that the mirror has, in the same flavour.
  const other = await onHost(lab, HOST, `apt-get update -q >/dev/null; apt-cache pkgnames linux-image- | grep -E '^linux-image-[0-9.-]+(\\+deb[0-9]+)?-cloud-amd64$' | grep -vxF "linux-image-${running}" | sort -V | tail -n 1`);
  expect(other).toMatch(/^linux-image-/);
  const version = other.slice('linux-image-'.length);
  const made = await play(`
- { set_fact: { kernel_before: "{{ ansible_kernel }}" } }
- { package: { name: ${other} } }
- { copy: { dest: /etc/default/grub.d/care-test.cfg, content: "GRUB_DEFAULT='Advanced options for Debian GNU/Linux>Debian GNU/Linux, with Linux ${version}'\\n" } }
- { command: update-grub }
- { reboot: { reboot_timeout: 300 }, register: rebooted }
- { command: uname -r, register: uname, changed_when: false }
- { assert: { that: [rebooted.rebooted, uname.stdout == "${version}", kernel_before == "${running}"] } }`);
  expect([troubleOf(made, HOST), made.status]).toEqual(['', 0]);
  expect(await onHost(lab, HOST, 'uname -r')).toBe(version);
  // An upgrade: without the choice, the newest is booted.
  const upgraded = await play(`
- { assert: { that: [ansible_kernel == "${version}"] } }
- { file: { path: /etc/default/grub.d/care-test.cfg, state: absent } }
- { command: update-grub }
- { reboot: { reboot_timeout: 300 } }`);
  expect([troubleOf(upgraded, HOST), upgraded.status]).toEqual(['', 0]);
  expect(await onHost(lab, HOST, 'uname -r')).toBe([running, version].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))[1]);
});

it('waits for a host whose boot takes long, and goes on with the same host', async () => {
  const before = await bootId(lab, HOST);
  const result = await play(`
- copy:
    dest: /etc/systemd/system/care-test-slow.service
    content: |
      [Unit]
      Before=ssh.service
      [Service]
      Type=oneshot
      ExecStart=/bin/sleep 75
      [Install]
      RequiredBy=ssh.service
- { systemd: { name: care-test-slow.service, enabled: true, daemon_reload: true } }
- { reboot: { reboot_timeout: 400 }, register: rebooted }
- { assert: { that: [rebooted.elapsed >= 75] } }
- { systemd: { name: care-test-slow.service, enabled: false } }`);
  expect([troubleOf(result, HOST), result.status]).toEqual(['', 0]);
  expect(await bootId(lab, HOST)).not.toBe(before);
});

it('gives up on a host that does not come back, and says so', async () => {
  await labSnapshots(lab).save(lab, 'bootable');
  // GRUB finds no kernel: the machine runs, and nothing ever answers.
  const result = await play('- { command: rm -rf /boot/grub/grub.cfg /vmlinuz /vmlinuz.old }\n- { reboot: { reboot_timeout: 60 } }\n- { copy: { dest: /root/never, content: x } }');
  expect(result.status).toBe(3);
  expect(troubleOf(result, HOST)).toMatch(/did not come back within 60 s/);
  expect(result.changes.join('\n')).not.toContain('/root/never');
  await labSnapshots(lab).restore(lab, 'bootable', () => undefined);
  expect(await onHost(lab, HOST, 'ls /vmlinuz /boot/grub/grub.cfg')).toBe('/boot/grub/grub.cfg\n/vmlinuz');
});

/** Full disks, read-only file systems, missing tools: a clear message, no partial file, and check mode that leaves no trace. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Lab } from '../../../src/lab/index.ts';
import { hostVariables, inventoryOf, labProject, LEFTOVERS, onHost, troubleOf, type LabProject } from '../support/lab-project.ts';
import { sharedLab } from '../support/lab.ts';

const HOST = 'test-trixie';
let lab: Lab;
let project: LabProject | undefined;
beforeAll(async () => { lab = await sharedLab(); });
afterEach(() => { project?.remove(); project = undefined; });

function make(playbook: string, more: Readonly<Record<string, string>> = {}): LabProject {
  project = labProject({ 'playbook.yml': playbook, 'inventory.yml': inventoryOf({ [HOST]: hostVariables(lab, HOST) }), ...more });
  return project;
}

async function withMount(options: string, work: () => Promise<void>, before = 'true'): Promise<void> {
  await onHost(lab, HOST, `mkdir -p /mnt/trouble && mount -t tmpfs -o size=256k tmpfs /mnt/trouble && echo old >/mnt/trouble/target && chmod 640 /mnt/trouble/target && ${before} && mount -o remount,${options} /mnt/trouble`);
  try {
    await work();
  } finally {
    await onHost(lab, HOST, 'umount -l /mnt/trouble; rmdir /mnt/trouble');
  }
}

describe('disks', () => {
  it('full: the copy fails with the reason, the target is as it was, nothing is left behind; with room, it converges', async () => {
    const p = make('- hosts: all\n  tasks:\n    - { name: put it there, copy: { src: "@DIR@/big", dest: /mnt/trouble/target } }\n');
    writeFileSync(path.join(p.dir, 'big'), Buffer.alloc(2_000_000, 'x'));
    await withMount('size=256k', async () => {
      const result = await p.run();
      expect(result.status).toBe(3);
      expect(troubleOf(result, HOST)).toMatch(/^failed: put it there: .*No space left on device[^]*To do: make room/);
      expect(await onHost(lab, HOST, 'cd /mnt/trouble; cat target; stat -c %a target; ls -A; df --output=used . | tail -1 | tr -d " "')).toBe('old\n640\ntarget\n4');
      expect(await onHost(lab, HOST, LEFTOVERS)).toBe('');
      await onHost(lab, HOST, 'mount -o remount,size=8m /mnt/trouble');
      expect((await p.run()).status).toBe(0);
      expect((await p.run()).changes).toEqual([]);
    });
  });

  it('read-only, also for directories and removal', async () => {
    const p = make(`- hosts: all
  tasks:
    - { name: write, copy: { dest: /mnt/trouble/target, content: new }, ignore_errors: true }
    - { name: make, file: { path: /mnt/trouble/d, state: directory }, ignore_errors: true }
    - { name: remove, file: { path: /mnt/trouble/target, state: absent } }
`);
    await withMount('ro', async () => {
      const result = await p.run();
      expect(result.status).toBe(3);
      const errors = result.events.flatMap((e) => (e.type === 'task' ? [`${e.task} ${e.status} ${e.error ?? ''}`] : []));
      expect(errors).toEqual([expect.stringMatching(/^write ignored .*Read-only file system/), expect.stringMatching(/^make ignored .*Read-only file system/), expect.stringMatching(/^remove failed .*Read-only file system/)]);
      expect(await onHost(lab, HOST, 'cat /mnt/trouble/target')).toBe('old');
    });
  });
});

describe('tools', () => {
  it.each(['sha256sum', 'stat', 'mktemp', 'chown'])('without %s: the message names the host, the task and what is missing', async (tool) => {
    const p = make('- hosts: all\n  tasks:\n    - { name: write it, copy: { dest: /root/it, content: "new\\n", owner: root, mode: "0600" } }\n');
    await onHost(lab, HOST, `echo old >/root/it; t=$(command -v ${tool}); mv "$t" "$t.away"`);
    try {
      const result = await p.run();
      expect(result.status).toBe(3);
      expect(troubleOf(result, HOST)).toMatch(new RegExp(`^failed: write it: [^]*${tool}`));
      expect(troubleOf(result, HOST)).toContain('To do:');
      expect(await onHost(lab, HOST, 'cat /root/it')).toBe('old');
    } finally {
      await onHost(lab, HOST, `for d in /usr/bin /bin; do [ ! -e $d/${tool}.away ] || mv $d/${tool}.away $d/${tool}; done; rm -f /root/it`);
    }
  });
});

describe('check mode', () => {
  /** Every file with what would change when it is touched. Left out: what the machine itself writes all the time, and the time of /var/tmp, where a runner has a directory while it lives. */
  const LISTING = `find / -xdev \\( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /dev -o -path /var/log/journal -o -path /var/log/wtmp -o -path /var/log/lastlog -o -path /var/log/btmp -o -path '/var/lib/systemd' -o -path /var/lib/chrony -o -path /var/lib/lastlog -o -path /var/lib/wtmpdb \\) -prune -o ! -path /var/tmp -printf '%p %y %m %u %g %s %T@ %C@ %l\\n' | sort; find /run/care* /dev/shm /tmp /var/tmp -name '*care*' 2>/dev/null; true`;

  it('leaves no file behind and touches none, over SSH with become', async () => {
    const p = make(`- hosts: all
  tasks:
    - { copy: { dest: /etc/care-check, content: x, mode: "0600" }, notify: reload }
    - { file: { path: /opt/care-check/a/b, state: directory } }
    - { template: { src: "@DIR@/t.hbs", dest: /opt/care-check/a/b/t } }
    - { user: { name: care-check-user } }
    - { lineinfile: { path: /etc/hosts, line: "192.0.2.1 care-check" } }
    - { package: { name: hello, state: present } }
    - { systemd: { name: cron, state: restarted } }
    - { command: touch /etc/care-check-command }
    - { shell: "echo x > /etc/care-check-shell", register: said }
    - { debug: { var: said }, when: said.rc == 0 }
  handlers:
    - { name: reload, command: touch /etc/care-check-handler }
`, { 't.hbs': '{{ inventory_hostname }}' });
    // Whatever a login itself writes the first time is not of check mode.
    await p.run({ mode: 'check' });
    const before = await onHost(lab, HOST, LISTING);
    const result = await p.run({ mode: 'check', diff: true });
    expect(result.status).toBe(2);
    expect(result.summary?.total.failed).toBe(0);
    expect(result.changes.length).toBeGreaterThan(7);
    const after = await onHost(lab, HOST, LISTING);
    const known = new Set(before.split('\n'));
    expect(after.split('\n').filter((line) => !known.has(line))).toEqual([]);
    expect(after.split('\n')).toHaveLength(before.split('\n').length);
    expect(before.split('\n').length).toBeGreaterThan(5000);
  });
});

/**
 * What makes knowledge stale (docs/architecture.md, "When knowledge goes stale"): in each test the engine has looked at
 * something before an earlier task changed it, and a later task goes wrong if it is shown what was seen then. The
 * observations are asked ahead, with the first task, so every fact here is known before it becomes stale.
 */
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Lab } from '../../../src/lab/index.ts';
import type { Result } from '../../unit/run/support.ts';
import { hostVariables, inventoryOf, labProject, onHost, troubleOf, type LabProject } from '../support/lab-project.ts';
import { sharedLab } from '../support/lab.ts';

const HOST = 'test-trixie';
const OTHER = 'test-bookworm';
let lab: Lab;
let project: LabProject | undefined;
beforeAll(async () => { lab = await sharedLab(); });
afterEach(async () => {
  project?.remove();
  project = undefined;
  const clean = 'rm -rf /srv/stale';
  await Promise.all([onHost(lab, HOST, clean), onHost(lab, OTHER, clean)]);
});

function make(playbook: string, files: Readonly<Record<string, string>> = {}): LabProject {
  project = labProject({ 'playbook.yml': playbook, 'inventory.yml': inventoryOf({ [HOST]: hostVariables(lab, HOST), [OTHER]: hostVariables(lab, OTHER) }), ...files });
  return project;
}

/** `task|status` of a host, after a run that must have gone well. */
function went(result: Result, host = HOST): readonly string[] {
  expect([troubleOf(result, host), result.status]).toEqual(['', 0]);
  return result.tasks.filter((line) => line.startsWith(`${host}|`)).map((line) => line.slice(host.length + 1));
}

describe('a fact that an earlier task made stale is looked at again', () => {
  it('a file that a package brought is then edited, templated and compared', async () => {
    const purge = 'DEBIAN_FRONTEND=noninteractive apt-get purge -y at >/dev/null 2>&1 </dev/null; rm -rf /etc/at.deny';
    await onHost(lab, HOST, purge);
    try {
      const p = make(
        `
- hosts: ${HOST}
  tasks:
    - { name: package, package: { name: at } }
    - { name: line that it brought, lineinfile: { path: /etc/at.deny, line: daemon } }
    - { name: template, template: { src: deny.hbs, dest: /etc/at.deny } }
    - { name: the same, template: { src: deny.hbs, dest: /etc/at.deny } }
`,
        { 'templates/deny.hbs': 'nobody\n' },
      );
      expect(went(await p.run())).toEqual(['package|changed', 'line that it brought|ok', 'template|changed', 'the same|ok']);
      // The package's owner and mode were kept, which a file made anew would not have.
      expect(await onHost(lab, HOST, 'stat -c "%a %U %G" /etc/at.deny; cat /etc/at.deny')).toBe('640 root daemon\nnobody');
    } finally {
      await onHost(lab, HOST, purge);
    }
  });

  it('a user that a command made is then given a key', async () => {
    const remove = 'userdel -r stale-user 2>/dev/null || true';
    await onHost(lab, HOST, remove);
    try {
      const p = make(`
- hosts: ${HOST}
  tasks:
    - { name: command, command: useradd -m -s /bin/sh stale-user }
    - name: key
      authorized_key: { user: stale-user, key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJmE0gDJyEvNSFVmM7ZEtBi4ZKvCVTBcRXRWnq6CNvtT amina" }
    - { name: user, user: { name: stale-user, shell: /bin/bash } }
    - { name: home, file: { path: /home/stale-user/notes, state: directory, owner: stale-user } }
`);
      expect(went(await p.run())).toEqual(['command|changed', 'key|changed', 'user|changed', 'home|changed']);
      expect(await onHost(lab, HOST, 'stat -c "%a %U" /home/stale-user/.ssh/authorized_keys /home/stale-user/notes; getent passwd stale-user | cut -d: -f7')).toBe('600 stale-user\n755 stale-user\n/bin/bash');
    } finally {
      await onHost(lab, HOST, remove);
    }
  });

  it('a unit that was written is then started; one that was written anew is loaded anew before it is started again', async () => {
    const file = '/etc/systemd/system/stale.service';
    const remove = `systemctl disable -q --now stale.service 2>/dev/null; rm -f ${file}; systemctl daemon-reload; true`;
    await onHost(lab, HOST, remove);
    try {
      const playbook = (seconds: number): string => `
- hosts: ${HOST}
  tasks:
    - { name: unit, copy: { dest: ${file}, content: "[Service]\\nExecStart=/bin/sleep ${String(seconds)}\\n[Install]\\nWantedBy=multi-user.target\\n" }, notify: again }
    - { name: started, systemd: { name: stale, state: started, enabled: true } }
  handlers:
    - { name: again, systemd: { name: stale, state: restarted } }
`;
      const p = make(playbook(3001));
      expect(went(await p.run())).toEqual(['unit|changed', 'started|changed', 'again|changed']);
      p.write('playbook.yml', playbook(3002));
      const second = went(await p.run());
      expect([second[0], second.at(-1)]).toEqual(['unit|changed', 'again|changed']);
      expect(await onHost(lab, HOST, 'systemctl show -p ExecStart --value stale.service | grep -o "sleep 300." | tail -n 1; pgrep -x -a sleep | grep -o "300.$"')).toBe('sleep 3002\n3002');
      expect(went(await p.run())).toEqual(['unit|ok', 'started|ok']);
    } finally {
      await onHost(lab, HOST, remove);
    }
  });

  it('a unit file that was rewritten is read again by daemon_reload, and enabled as it is now', async () => {
    const file = '/etc/systemd/system/stale.service';
    const remove = `systemctl disable -q --now stale.service 2>/dev/null; rm -f ${file}; systemctl daemon-reload; true`;
    await onHost(lab, HOST, `printf '[Service]\\nExecStart=/bin/sleep 3001\\n' >${file}; systemctl daemon-reload; systemctl start stale.service`);
    try {
      const p = make(`
- hosts: ${HOST}
  tasks:
    - { name: unit, copy: { dest: ${file}, content: "[Service]\\nExecStart=/bin/sleep 3003\\n[Install]\\nWantedBy=multi-user.target\\n" } }
    - { name: enabled, systemd: { name: stale, state: started, enabled: true, daemon_reload: true } }
`);
      expect(went(await p.run())).toEqual(['unit|changed', 'enabled|changed']);
      expect(await onHost(lab, HOST, 'systemctl show -p NeedDaemonReload,UnitFileState --value stale.service; systemctl show -p ExecStart --value stale.service | grep -o "sleep 300."')).toBe('enabled\nno\nsleep 3003');
      expect(went(await p.run())).toEqual(['unit|ok', 'enabled|ok']);
    } finally {
      await onHost(lab, HOST, remove);
    }
  });

  it('below a directory that was removed nothing is left, whoever removed it', async () => {
    const p = make(`
- hosts: ${HOST}
  tasks:
    - { name: made, file: { path: /srv/stale/d, state: directory } }
    - { name: file, copy: { dest: /srv/stale/d/f, content: "x\\n" } }
`);
    went(await p.run());
    p.write('playbook.yml', `
- hosts: ${HOST}
  tasks:
    - { name: removed, file: { path: /srv/stale/d, state: absent } }
    - { name: made, file: { path: /srv/stale/d, state: directory } }
    - { name: file, copy: { dest: /srv/stale/d/f, content: "x\\n" } }
    - { name: removed by a command, command: rm -r /srv/stale/d }
    - { name: made again, file: { path: /srv/stale/d, state: directory } }
    - { name: file again, copy: { dest: /srv/stale/d/f, content: "x\\n" } }
`);
    expect(went(await p.run()).map((line) => line.split('|')[1])).toEqual(['changed', 'changed', 'changed', 'changed', 'changed', 'changed']);
    expect(await onHost(lab, HOST, 'cat /srv/stale/d/f')).toBe('x');
  });

  it('what a task did as one user is seen by the next as another, and what guards a command is asked again after any change', async () => {
    const p = make(`
- hosts: ${HOST}
  become_user: care
  tasks:
    - { name: seen by care, stat: { path: /srv/stale/shared }, register: before }
    - { name: made by root, file: { path: /srv/stale/shared, state: directory, mode: "0777" }, become_user: root }
    - { name: used by care, copy: { dest: /srv/stale/shared/f, content: "x\\n" } }
    - { name: guard, command: touch /srv/stale/shared/never, args: { creates: /srv/stale/shared/f } }
    - { name: guard by a command, command: touch /srv/stale/shared/never, args: { unless: test -e /srv/stale/shared/f } }
    - { name: owned by root, file: { path: /srv/stale/shared/f, owner: root, mode: "0644" }, become_user: root }
    - { name: not ours any more, stat: { path: /srv/stale/shared/f }, register: after }
    - { name: told, assert: { that: ["!before.stat.exists", 'after.stat.pw_name == "root"'] } }
`);
    expect(went(await p.run())).toEqual(['seen by care|ok', 'made by root|changed', 'used by care|changed', 'guard|ok', 'guard by a command|ok', 'owned by root|changed', 'not ours any more|ok', 'told|ok']);
  });

  it('a condition on a registered result sees what the host says then, not what was seen ahead', async () => {
    const p = make(`
- hosts: ${HOST}
  tasks:
    - { name: directory, file: { path: /srv/stale, state: directory } }
    - { name: before, stat: { path: /srv/stale/by-command }, register: first }
    - { name: command, command: touch /srv/stale/by-command, when: "!first.stat.exists" }
    - { name: after, stat: { path: /srv/stale/by-command }, register: second }
    - { name: only then, copy: { dest: /srv/stale/seen, content: "x\\n" }, when: second.stat.exists }
    - { name: by a change, file: { path: /srv/stale/by-command, state: absent } }
    - { name: last, stat: { path: /srv/stale/by-command }, register: third }
    - { name: gone, copy: { dest: /srv/stale/gone, content: "x\\n" }, when: "!third.stat.exists" }
`);
    expect(went(await p.run())).toEqual(['directory|changed', 'before|ok', 'command|changed', 'after|ok', 'only then|changed', 'by a change|changed', 'last|ok', 'gone|changed']);
  });

  it('handlers run after all that notified them, in the order of their definition, each on what the one before has made', async () => {
    const p = make(`
- hosts: ${HOST}
  tasks:
    - { name: directory, file: { path: /srv/stale, state: directory } }
    - { name: first, copy: { dest: /srv/stale/a, content: "a\\n" }, notify: [compare, gather] }
    - { name: second, copy: { dest: /srv/stale/b, content: "b\\n" }, notify: gather }
  handlers:
    - { name: gather, shell: cat /srv/stale/a /srv/stale/b >/srv/stale/all }
    - { name: compare, copy: { dest: /srv/stale/all, content: "a\\nb\\n" }, notify: copied }
    - { name: copied, copy: { dest: /srv/stale/copied, src: /srv/stale/all, remote_src: true } }
`);
    // `compare` finds what `gather` has made already there: it is no change, and so notifies nobody.
    expect(went(await p.run())).toEqual(['directory|changed', 'first|changed', 'second|changed', 'gather|changed', 'compare|ok']);
    expect(await onHost(lab, HOST, 'ls /srv/stale')).toBe('a\nall\nb');
  });

  it('what a task delegated from another host has changed is looked at again here, and there', async () => {
    const p = make(`
- hosts: all
  tasks:
    - { name: directory, file: { path: /srv/stale, state: directory } }
    - { name: seen, stat: { path: /srv/stale/f }, register: before }
    - { meta: barrier }
    - { name: delegated, copy: { dest: /srv/stale/f, content: "by {{ inventory_hostname }}\\n" }, delegate_to: ${HOST}, when: inventory_hostname == "${OTHER}" }
    - { meta: barrier }
    - { name: own, copy: { dest: /srv/stale/f, content: "by ${OTHER}\\n" } }
    - { name: own command, command: rm /srv/stale/f, when: inventory_hostname == "${HOST}" }
    - { meta: barrier }
    - { name: delegated again, copy: { dest: /srv/stale/f, content: "by ${OTHER}\\n" }, delegate_to: ${HOST}, when: inventory_hostname == "${OTHER}" }
    - { name: delegated command, command: rm /srv/stale/f, delegate_to: ${HOST}, when: inventory_hostname == "${OTHER}" }
    - { meta: barrier }
    - { name: own again, copy: { dest: /srv/stale/f, content: "by ${OTHER}\\n" } }
`);
    const result = await p.run();
    expect(went(result)).toEqual(['directory|changed', 'seen|ok', 'delegated|skipped', 'own|ok', 'own command|changed', 'delegated again|skipped', 'delegated command|skipped', 'own again|changed']);
    expect(went(result, OTHER)).toEqual(['directory|changed', 'seen|ok', 'delegated|changed', 'own|changed', 'own command|skipped', 'delegated again|changed', 'delegated command|changed', 'own again|ok']);
    expect(await onHost(lab, HOST, 'cat /srv/stale/f')).toBe(`by ${OTHER}`);
  });

  it('the base facts of a play are those after what the play before has done', async () => {
    const p = make(`
- hosts: ${HOST}
  tasks:
    - { name: named, hostname: { name: stale-name } }
- hosts: ${HOST}
  tasks:
    - { name: directory, file: { path: /srv/stale, state: directory } }
    - { name: said, copy: { dest: /srv/stale/name, content: "{{ ansible_hostname }}\\n" } }
    - { name: by a command, command: hostname stale-again }
- hosts: ${HOST}
  tasks:
    - { name: said again, copy: { dest: /srv/stale/again, content: "{{ ansible_hostname }}\\n" } }
`);
    const before = await onHost(lab, HOST, 'cat /etc/hostname; hostname');
    try {
      expect(went(await p.run())).toEqual(['named|changed', 'directory|changed', 'said|changed', 'by a command|changed', 'said again|changed']);
      expect(await onHost(lab, HOST, 'cat /srv/stale/name /srv/stale/again')).toBe('stale-name\nstale-again');
    } finally {
      const [configured = '', running = ''] = before.split('\n');
      await onHost(lab, HOST, `echo ${configured} >/etc/hostname; hostname ${running}`);
    }
  });

  it('each try of until looks again', async () => {
    const p = make(`
- hosts: ${HOST}
  tasks:
    - { name: directory, file: { path: /srv/stale, state: directory } }
    - { name: later, shell: "(sleep 2; touch /srv/stale/late) >/dev/null 2>&1 &" }
    - { name: wait, stat: { path: /srv/stale/late }, register: late, until: late.stat.exists, retries: 20, delay: 1 }
    - { name: then, copy: { dest: /srv/stale/late, content: "" } }
`);
    expect(went(await p.run())).toEqual(['directory|changed', 'later|changed', 'wait|ok', 'then|ok']);
  });
});

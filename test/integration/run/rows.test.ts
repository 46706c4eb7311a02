/** Changes that travel and run as one row: what fails, takes too long or is cut off in the middle, and what lies on the host then. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Lab } from '../../../src/lab/index.ts';
import { eventually, hostVariables, inventoryOf, labProject, LEFTOVERS, onHost, troubleOf, type LabProject } from '../support/lab-project.ts';
import { sharedLab } from '../support/lab.ts';

const HOST = 'test-trixie';
const DIR = '/root/rows';
let lab: Lab;
let project: LabProject | undefined;
beforeAll(async () => { lab = await sharedLab(); });
afterEach(async () => {
  project?.remove();
  project = undefined;
  await onHost(lab, HOST, `rm -rf ${DIR}; ! id rows-user >/dev/null 2>&1 || userdel rows-user`);
});

function make(tasks: string): LabProject {
  project = labProject({
    'playbook.yml': `- hosts: all\n  vars: { token: very-secret-0815-token }\n  tasks:\n${tasks}  handlers:\n    - { name: restart, shell: "echo restarted >> ${DIR}/log" }\n`,
    'inventory.yml': inventoryOf({ [HOST]: hostVariables(lab, HOST) }),
  });
  return project;
}

const directory = `    - { name: directory, file: { path: ${DIR}, state: directory } }\n`;
const file = (name: string, more = ''): string => `    - { name: ${name}, copy: { dest: ${DIR}/${name}, content: "${name}\\n"${more} } }\n`;
/** Takes as long as it is told, the first time. */
const slow = (name: string, seconds: number, more = ''): string => file(name, `, validate: "sh -c 'test -e ${DIR}/quick || { touch ${DIR}/quick; sleep ${String(seconds)}; }; true %s'"`).replace(/ }\n$/, `${more} }\n`);
const began = (): Promise<void> => eventually(async () => (await onHost(lab, HOST, `ls ${DIR} 2>/dev/null || true`)).includes('quick'), 20_000, () => 'the slow change began');
/** Nothing of ours runs or lies on the host. */
const quiet = (): Promise<void> => eventually(async () => (await onHost(lab, HOST, `ps -e -o args | grep '[s]leep 3[0-9]$\\|[/]\\.care-'; ${LEFTOVERS}`)) === '', 20_000, () => 'processes end and leave nothing');
const lie = (): Promise<string> => onHost(lab, HOST, `cd ${DIR}; for f in *; do printf '%s ' "$f"; done; ls -A | grep '^[.]' || true`);

describe('five changes in a row', () => {
  it('the third fails: two are made and told, it fails with its own words, two are not made; with it mended, the rest', async () => {
    const p = make(directory + file('a').replace(' }\n', ', notify: restart }\n') + file('b') + file('c', ', owner: rows-user') + file('d') + file('e'));
    const result = await p.run();
    expect(result.tasks).toEqual([`${HOST}|directory|changed`, `${HOST}|a|changed`, `${HOST}|b|changed`, `${HOST}|c|failed`]);
    expect(result.changes).toEqual([`${HOST}|directory ${DIR}`, `${HOST}|file ${DIR}/a`, `${HOST}|file ${DIR}/b`]);
    expect([result.status, troubleOf(result, HOST)]).toEqual([3, expect.stringMatching(/^failed: c: .*invalid user.*rows-user/)]);
    expect(await lie()).toBe('a b');
    expect(await onHost(lab, HOST, LEFTOVERS)).toBe('');
    await onHost(lab, HOST, 'useradd rows-user');
    const next = await p.run();
    expect([next.status, next.changes.filter((c) => c.includes('|file'))]).toEqual([0, [`${HOST}|file ${DIR}/c`, `${HOST}|file ${DIR}/d`, `${HOST}|file ${DIR}/e`]]);
    // What the first run owed.
    expect(await onHost(lab, HOST, `cat ${DIR}/log; stat -c %U ${DIR}/c`)).toBe('restarted\nrows-user');
    expect((await p.run()).changes).toEqual([]);
  });

  it('one takes longer than its own time-out: those before it are made, it is ended, those behind it are not made', async () => {
    const p = make(directory + file('a') + slow('b', 33).replace(' }\n', ', timeout: 2 }\n') + file('c'));
    const result = await p.run();
    expect(result.tasks).toEqual([`${HOST}|directory|changed`, `${HOST}|a|changed`, `${HOST}|b|failed`]);
    expect(troubleOf(result, HOST)).toMatch(/^failed: b: timed out after [23] s/);
    expect(await lie()).toBe('a quick');
    await quiet();
    expect((await p.run()).status).toBe(0);
    expect(await lie()).toBe('a b c quick');
  });

  it('one fails and is rescued, ignored or forgiven as each by itself', async () => {
    const p = make(`${directory}    - block:
        - { name: a, copy: { dest: ${DIR}/a, content: a } }
        - { name: b, copy: { dest: ${DIR}/b, content: b, owner: nobody-here } }
        - { name: c, copy: { dest: ${DIR}/c, content: c } }
      rescue:
        - { name: rescued, copy: { dest: ${DIR}/rescued, content: "{{ ansible_failed_task.name }}" } }
    - { name: ignored, copy: { dest: ${DIR}/d, content: d, owner: nobody-here }, ignore_errors: true }
${file('e')}`);
    const result = await p.run();
    expect([result.status, await lie()]).toEqual([0, 'a e rescued']);
    expect(await onHost(lab, HOST, `cat ${DIR}/rescued`)).toBe('b');
  });
});

describe('a row that is cut off', () => {
  it('says what was made before; nothing secret or half-written stays; the next run makes the rest', async () => {
    const secret = (name: string): string => `    - { name: ${name}, copy: { dest: ${DIR}/${name}, content: "{{ token }}\\n", mode: "0600" } }\n`;
    const p = make(directory + file('a') + secret('secret') + slow('slow', 34) + secret('other') + file('z'));
    const running = p.run();
    await began();
    await onHost(lab, HOST, "pkill -KILL -f '^sshd-session: care' || pkill -KILL -f '^sshd: care'");
    const result = await running;
    expect([result.status, result.tasks]).toEqual([4, [`${HOST}|directory|changed`, `${HOST}|a|changed`, `${HOST}|secret|changed`, `${HOST}|slow|unreachable`]]);
    expect(result.summary?.hosts[HOST]).toMatchObject({ changed: 3, unreachable: 1 });
    await quiet();
    expect(await lie()).toBe('a quick secret');
    expect(await onHost(lab, HOST, `grep -rls very-secret-0815-token /tmp /var/tmp /dev/shm /run ${DIR} 2>/dev/null || true`)).toBe(`${DIR}/secret`);
    const next = await p.run();
    expect([next.status, next.changes]).toEqual([0, [`${HOST}|file ${DIR}/other`, `${HOST}|file ${DIR}/slow`, `${HOST}|file ${DIR}/z`]]);
  });
});

describe('a row with a large file in the middle', () => {
  it('is made in order, whole, and leaves nothing; the file is sent once', async () => {
    const p = make(directory + file('a') + file('b') + `    - { name: large, copy: { src: "@DIR@/large", dest: ${DIR}/large } }\n    - { name: again, copy: { src: "@DIR@/large", dest: ${DIR}/again } }\n` + file('c') + file('d'));
    writeFileSync(path.join(p.dir, 'large'), Buffer.concat([randomBytes(1_500_000), Buffer.alloc(1_500_000, 'x')]));
    const result = await p.run();
    expect([result.status, result.tasks.map((t) => t.split('|').slice(1).join(' '))]).toEqual([0, ['directory changed', 'a changed', 'b changed', 'large changed', 'again changed', 'c changed', 'd changed']]);
    expect(await onHost(lab, HOST, `cd ${DIR}; cat a b c d | tr -d '\\n'; cmp large again; stat -c ' %s %a' large`)).toBe('abcd 3000000 644');
    expect(await onHost(lab, HOST, LEFTOVERS)).toBe('');
    expect((await p.run()).changes).toEqual([]);
  });
});

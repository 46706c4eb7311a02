/** A host with a kernel of its own: it boots, role base converges twice, it reboots and is still converged. The rest is in test/vm. */
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labDown, labUp, type Lab } from '../../src/lab/index.ts';
import { inventoryOf, labProject, troubleOf, type LabProject } from './support/lab-project.ts';
import { ownLab } from './support/lab.ts';
import { bootId, traces, VMS_HERE, vmVariables } from './support/vm-lab.ts';

const HOST = 'vm-a1';
/** In software emulation, beside other work. */
const LIMIT_MS = 900_000;
const base = path.join(import.meta.dirname, '..', '..', 'playbooks', 'base.yml');

describe.skipIf(!VMS_HERE)('a virtual machine (needs root, QEMU and TUN: sudo ./scripts/setup --vm)', () => {
  let lab: Lab;
  let project: LabProject;
  beforeAll(async () => {
    lab = await labUp({ ...ownLab('vm'), driver: 'vm', hosts: [{ name: HOST, site: 'kochi', release: 'trixie', memoryMiB: 768 }] });
    project = labProject({
      'inventory.yml': inventoryOf({ [HOST]: vmVariables(lab, HOST) }),
      'reboot.yml': '- hosts: all\n  tasks:\n    - { reboot: { reboot_timeout: 600 }, register: rebooted }\n    - { assert: { that: [rebooted.rebooted] } }\n',
    });
  }, LIMIT_MS);
  afterAll(async () => {
    await labDown(ownLab('vm'));
    project.remove();
    expect(traces(ownLab('vm').name)).toEqual([]);
  });

  it('converges with role base, reboots, and is converged', async () => {
    const made = await project.run({ playbooks: [base] });
    expect([troubleOf(made, HOST), made.status]).toEqual(['', 0]);
    const again = await project.run({ playbooks: [base] });
    expect([troubleOf(again, HOST), again.status, again.changes]).toEqual(['', 0, []]);
    const before = await bootId(lab, HOST);
    const rebooted = await project.run({ playbooks: [path.join(project.dir, 'reboot.yml')] });
    expect([troubleOf(rebooted, HOST), rebooted.status]).toEqual(['', 0]);
    expect(await bootId(lab, HOST)).not.toBe(before);
    const after = await project.run({ playbooks: [base] });
    expect([troubleOf(after, HOST), after.status, after.changes]).toEqual(['', 0, []]);
  }, LIMIT_MS);
});

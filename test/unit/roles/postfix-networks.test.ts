/** Who may relay without a login: what role postfix asserts of postfix_mynetworks, as it stands there. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { packageRoot } from '../../../src/support/package-root.ts';
import { testProject, type TestProject } from '../run/support.ts';

let project: TestProject | undefined;
afterEach(() => { project?.remove(); });

const tasks = parse(readFileSync(path.join(packageRoot(), 'roles/postfix/tasks/refuse.yml'), 'utf8')) as readonly { readonly name: string; readonly assert: unknown }[];
const few = tasks.find((task) => task.name === 'few may relay without a login');

test.each([
  [['192.0.2.0/24', '2001:db8::/64', '10.1.2.3/32'], 'ok'],
  [['10.0.0.0/8'], 'failed'],
  [['0.0.0.0/0 192.0.2.0/24'], 'failed'],
  [['::/0,2001:db8::/64'], 'failed'],
  [['static:all, 192.0.2.0/24'], 'failed'],
])('%j is %s', async (networks, status) => {
  project = testProject({ 'playbook.yml': JSON.stringify([{ hosts: 'all', vars: { postfix_mynetworks: networks }, tasks: [few] }]) });
  expect((await project.run()).tasks).toEqual([`one|few may relay without a login|${status}`]);
});

/** A port that nobody listens on is no lost host: tasks fail, are repeated, and wait. */
import { createServer } from 'node:http';
import { afterEach, expect, it } from 'vitest';
import { testProject, type TestProject } from './support.ts';
import { freePort } from '../../support/free-port.ts';

let project: TestProject | undefined;
afterEach(() => {
  project?.remove();
  project = undefined;
});

it('fails wait_for and uri, which ignore_errors, until and state: stopped deal with', async () => {
  const port = String(await freePort());
  project = testProject({
    'playbook.yml': `- hosts: all
  tasks:
    - { name: wait, wait_for: { port: ${port}, timeout: 0.01 }, ignore_errors: true }
    - { name: stopped, wait_for: { port: ${port}, state: stopped, timeout: 0.01 } }
    - { name: ask, uri: { url: "http://127.0.0.1:${port}/" }, register: asked, until: asked.status == 200, retries: 2, delay: 0, ignore_errors: true }
    - { name: judge, assert: { that: asked.status == -1 } }
`,
  });
  const result = await project.run();
  expect(result.tasks).toEqual(['one|wait|ignored', 'one|stopped|ok', 'one|ask|ignored', 'one|judge|ok']);
  expect(result.events.filter((e) => e.type === 'retry')).toHaveLength(1);
  expect(result.status).toBe(0);
});

it('is waited for until somebody listens', async () => {
  const port = await freePort();
  project = testProject({ 'playbook.yml': `- hosts: all\n  tasks:\n    - { name: wait, wait_for: { port: ${String(port)}, timeout: 20, sleep: 0.05 } }\n    - { name: ask, uri: { url: "http://127.0.0.1:${String(port)}/" } }\n` });
  const server = createServer((_request, response) => response.end('here'));
  const later = setTimeout(() => server.listen(port, '127.0.0.1'), 500);
  try {
    expect((await project.run()).tasks).toEqual(['one|wait|ok', 'one|ask|ok']);
  } finally {
    clearTimeout(later);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

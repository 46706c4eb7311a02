/** What a request has changed on the host is looked at again by the tasks after it. */
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { expect, it } from 'vitest';
import { testProject } from './support.ts';

it.each(['POST', 'GET'])('a %s that makes a file', async (method) => {
  let made = '';
  const server = createServer((_request, response) => {
    if (made !== '') writeFileSync(made, 'by the server');
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // Sound: a listening TCP server has an AddressInfo.
  const { port } = server.address() as AddressInfo;
  const project = testProject({
    'playbook.yml': `- hosts: all
  tasks:
    - { name: asks, uri: { url: "http://127.0.0.1:${String(port)}/", method: ${method} } }
    - { name: takes it away, file: { path: "{{ work }}/made", state: absent } }
`,
  });
  try {
    made = path.join(project.dir, 'work/made');
    const result = await project.run({ mode: 'apply' });
    // GET is for reading (RFC 9110, section 9.2.1): a server that writes on it is seen by the next run.
    expect([result.status, result.tasks, existsSync(made)]).toEqual([0, method === 'POST' ? ['one|asks|changed', 'one|takes it away|changed'] : ['one|asks|ok', 'one|takes it away|ok'], method === 'GET']);
  } finally {
    project.remove();
    server.close();
  }
});

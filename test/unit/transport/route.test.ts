import { describe, expect, test } from 'vitest';
import { resolveRoute } from '../../../src/transport/route.ts';
import { SshConfig } from '../../../src/transport/ssh-config.ts';
import type { ConnectionTarget } from '../../../src/transport/types.ts';

const target: ConnectionTarget = {
  name: 'web1', connection: 'ssh', address: '192.0.2.1', port: 0, user: 'ops', privateKeyFile: '/k', password: undefined, sshArgs: [], connectTimeoutSeconds: 5, knownHostsFiles: ['/known'],
};

async function portOf(port: number, sshArgs: readonly string[] = []): Promise<number> {
  return (await resolveRoute({ ...target, port, sshArgs: ['-F', '/dev/null', ...sshArgs] }, new SshConfig())).target.port;
}

describe('the port', () => {
  test('is 22 where nothing says otherwise', async () => {
    expect(await portOf(0)).toBe(22);
    expect(await portOf(22)).toBe(22);
  });

  test('is the inventory’s, before that of ssh’s arguments', async () => {
    expect(await portOf(2222)).toBe(2222);
    expect(await portOf(2222, ['-p', '2200'])).toBe(2222);
  });

  test('is that of ssh’s arguments where the inventory gives none', async () => {
    expect(await portOf(0, ['-p', '2200'])).toBe(2200);
  });
});

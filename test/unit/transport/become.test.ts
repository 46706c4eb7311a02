import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Secret } from '../../../src/support/secret.ts';
import { rawScript } from '../../../src/support/shell.ts';
import { localConnection } from '../../../src/transport/connection.ts';
import { openLocalChannel } from '../../../src/transport/local.ts';
import type { Become, Connection } from '../../../src/transport/types.ts';

const dir = mkdtempSync(join(tmpdir(), 'care-sudo-'));
afterAll(() => { rmSync(dir, { recursive: true, force: true }); });

/**
 * A sudo that behaves as told, to try the conversation with each behaviour that the real ones have:
 * test/integration/become.test.ts tries a real one. It logs every line that it takes as a password.
 */
function fakeSudo(name: string, before: string): Connection {
  const bin = join(dir, name);
  writeFileSync(`${bin}-sudo`, `#!/bin/sh
how=; token=; user=
while [ $# -gt 0 ]; do case $1 in -n) how=n;; -S) how=S;; -p) token=$2; shift;; -u) user=$2; shift;; --) shift; break;; esac; shift; done
ask() { printf '%s' "$1" >&2; read -r given || { echo 'sudo: no password was provided' >&2; exit 1; }; echo "$given" >>${bin}-log; }
${before}
exec "$@"
`);
  chmodSync(`${bin}-sudo`, 0o755);
  writeFileSync(`${bin}-log`, '');
  return localConnection(
    { name: 'web1', connection: 'local', address: '', port: 22, user: undefined, privateKeyFile: undefined, password: undefined, sshArgs: [], connectTimeoutSeconds: 5, knownHostsFiles: undefined },
    (command) => openLocalChannel(command.replace('exec sudo', `exec ${bin}-sudo`)),
  );
}

async function tryBecome(name: string, before: string, password?: string): Promise<string> {
  const connection = fakeSudo(name, before);
  const become: Become = { user: 'postgres', password: password === undefined ? undefined : new Secret(password) };
  try {
    const outcome = await (await connection.runner(become)).run({ script: rawScript('cat; echo ran'), timeoutSeconds: 5 });
    return outcome.stdout.toString();
  } catch (error) {
    return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : String(error);
  } finally {
    await connection.close();
  }
}

const given = (name: string): string => readFileSync(join(dir, `${name}-log`), 'utf8');

describe('become', () => {
  it('needs no password where none is asked for', async () => {
    expect(await tryBecome('free', '[ $how = n ] && [ $user = postgres ] || exit 9')).toBe('ran\n');
  });

  it('gives the password once it is asked for, also by a sudo that wraps the prompt', async () => {
    expect(await tryBecome('plain', 'ask "$token"; [ "$given" = right-one ] || exit 9', 'right-one')).toBe('ran\n');
    expect(await tryBecome('wrapped', 'echo warning >&2; ask "[sudo: $token] "', 'right-one')).toBe('ran\n');
    expect(given('wrapped')).toBe('right-one\n');
  });

  it('never sends a password blindly: a sudo that does not ask gets none', async () => {
    expect(await tryBecome('nopasswd', ':', 'right-one')).toBe('ran\n');
    expect(given('nopasswd')).toBe('');
  });

  it('tries a wrong password once, and nothing else is taken for one', async () => {
    expect(await tryBecome('wrong', 'for i in 1 2 3; do ask "$token"; echo "Sorry, try again." >&2; done; exit 1', 'wrong-one')).toBe('become-wrong-password');
    expect(given('wrong')).toBe('wrong-one\n');
    expect(await tryBecome('wrong-final', 'ask "$token"; echo "sudo: 1 incorrect password attempt" >&2; exit 1', 'wrong-one')).toBe('become-wrong-password');
  });

  it.each([
    ['asks', 'echo "sudo: a password is required" >&2; exit 1', 'become-password-required'],
    ['interactive', 'echo "sudo: interactive authentication is required" >&2; exit 1', 'become-password-required'],
    ['sudoers', 'echo "ops is not in the sudoers file." >&2; exit 1', 'become-not-allowed'],
    ['denied', 'echo "Sorry, user ops is not allowed to execute /bin/sh as postgres on web1." >&2; exit 1', 'become-not-allowed'],
    ['tty', 'echo "sudo: sorry, you must have a tty to run sudo" >&2; exit 1', 'become-needs-tty'],
    ['user', 'echo "sudo: unknown user: postgres" >&2; exit 1', 'become-unknown-user'],
    ['foreign', 'echo "sudo: ein Passwort ist notwendig" >&2; exit 1', 'become-failed'],
    ['absent', 'echo "sh: 1: exec: sudo: not found" >&2; exit 127', 'become-no-sudo'],
  ])('explains %s', async (name, before, code) => {
    expect(await tryBecome(name, before)).toBe(code);
    expect(await tryBecome(`${name}-password`, before, 'some-password')).toBe(code);
  });
});

import { chmodSync, lstatSync, symlinkSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { authorizedKeyModule } from '../../../../src/modules/authorized_key/index.ts';
import { attributesScript } from '../../../../src/modules/common/attributes.ts';
import { planHere, runScript, scratch, shells, sweep } from '../exec.ts';
import { goldenCases } from '../golden.ts';
import { scriptOf } from '../script-of.ts';

goldenCases(authorizedKeyModule, import.meta.url);

afterEach(sweep);
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJmE0gDJyEvNSFVmM7ZEtBi4ZKvCVTBcRXRWnq6CNvtT amina';

test.each(shells)('%s: a link that the user has put in place of .ssh since it was looked at is not followed', (shell) => {
  const home = scratch();
  const victim = scratch();
  chmodSync(victim, 0o755);
  const folder = join(home, '.ssh');
  const { plan } = planHere(authorizedKeyModule, { user: userInfo().username, key: KEY, path: join(folder, 'authorized_keys') });
  if (plan.type !== 'changes') throw new Error(`planned ${plan.type}`);
  symlinkSync(victim, folder);
  expect(runScript(shell, scriptOf(plan.changes[0])).status).not.toBe(0);
  expect(lstatSync(victim).mode & 0o777).toBe(0o755);
});

test.each(shells)('%s: nor is one in place of a directory or file whose attributes are mended', (shell) => {
  const dir = scratch();
  const victim = scratch();
  chmodSync(victim, 0o755);
  symlinkSync(victim, join(dir, 'mine'));
  expect(runScript(shell, attributesScript(join(dir, 'mine'), { owner: '12', mode: '0700' }, true)).status).not.toBe(0);
  expect([lstatSync(victim).mode & 0o777, lstatSync(victim).uid]).toEqual([0o755, userInfo().uid]);
});

/** What changes key shares runs alone on its inventory: their files lie beside it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { vaultAccessAction, vaultRekeyAction } from '../../../src/cli/actions/vault-keys.ts';
import { acquireInventoryLock } from '../../../src/state/inventory-lock.ts';
import { fakeContext } from './fakes.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'care-vault-lock-'));
  vi.stubEnv('CARE_STATE', path.join(dir, 'state'));
  // Port 9 of loopback: nobody answers there, and nobody is to be asked.
  writeFileSync(path.join(dir, 'site.yml'), 'all:\n  children:\n    vault:\n      hosts:\n        one: {ansible_host: 127.0.0.1, ansible_port: 9}\n');
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true, force: true });
});

const flags = { inventory: [], extraVars: [], askBecomePass: false, output: 'text', timeout: 5, identity: [], member: [] } as const;

test.each([
  ['rekey', vaultRekeyAction, flags],
  ['rekey --cancel', vaultRekeyAction, { ...flags, cancel: true }],
  ['access', vaultAccessAction, flags],
])('vault %s waits for nobody while another run has the inventory, and asks no host', async (_, action, given) => {
  const inventory = path.join(dir, 'site.yml');
  const held = await acquireInventoryLock({ inventories: [inventory], command: 'apply', waitSeconds: 0, signal: new AbortController().signal });
  try {
    await expect(action(fakeContext(dir), inventory, given)).rejects.toMatchObject({ kind: 'locked' });
  } finally {
    held.release();
  }
});

/**
 * Tests leave files in the system's temporary directory; this gives a whole run one of its own, and takes it
 * away at the end. What a killed run has left goes at the next start.
 */
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { processExists } from '../../src/support/process.ts';

const PREFIX = 'care-tests-';

function sweep(base: string): void {
  for (const name of readdirSync(base)) {
    const pid = Number(/^care-tests-(\d+)-/.exec(name)?.[1] ?? 'NaN');
    if (!Number.isNaN(pid) && !processExists(pid) && statSync(path.join(base, name)).isDirectory()) rmSync(path.join(base, name), { recursive: true, force: true });
  }
}

export function setup(): () => void {
  const base = tmpdir();
  sweep(base);
  const own = mkdtempSync(path.join(base, `${PREFIX}${String(process.pid)}-`));
  // Others may pass through, as in /tmp itself: tests have users of their own.
  chmodSync(own, 0o755);
  process.env['TMPDIR'] = own;
  return () => {
    process.env['TMPDIR'] = base;
    rmSync(own, { recursive: true, force: true });
  };
}

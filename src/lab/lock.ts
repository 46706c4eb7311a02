/** A lock between processes of this machine, in a file that names its holder. */
import { open, readFile, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Diagnostic } from '../support/diagnostic.ts';
import { isAlive, thisProcess } from './owner.ts';

const POLL_MS = 250;

/**
 * Runs `work` while holding the lock. A lock whose holder is gone is taken over.
 *
 * @param path of the lock file; its directory must exist
 * @param waitMs milliseconds to wait for another holder
 * @throws Diagnostic `lab-locked`, naming the holder, when the wait is over
 */
export async function withLock<T>(path: string, waitMs: number, work: () => Promise<T>): Promise<T> {
  const me = thisProcess();
  const deadline = Date.now() + waitMs;
  for (;;) {
    try {
      const file = await open(path, 'wx', 0o644);
      await file.writeFile(me);
      await file.close();
      break;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    }
    const holder = await readFile(path, 'utf8').catch(() => '');
    // An empty file is one between creation and the writing of its holder: wait like for a living one.
    if (holder !== '' && !isAlive(holder)) {
      await rm(path, { force: true });
      continue;
    }
    if (Date.now() > deadline) {
      throw new Diagnostic({
        kind: 'locked',
        code: 'lab-locked',
        summary: `another process works on this lab: ${holder === '' ? 'unknown' : `process ${holder.split(':')[0] ?? ''}`}`,
        remedy: `wait for it to end, or remove ${path} if it hangs`,
      });
    }
    await sleep(POLL_MS);
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

/** A kernel parameter of the machine, changed while labs run and put back by the last `lab down`. Forgotten at a reboot, like the parameter itself. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const SAVED = '/run/care-provision';

export interface KernelParameter {
  /** As sysctl(8) names it. */
  readonly name: string;
  /** Name of the file that keeps the machine's own value meanwhile. */
  readonly saved: string;
}

function fileOf(parameter: KernelParameter): string {
  return join('/proc/sys', ...parameter.name.split('.'));
}

export async function readParameter(parameter: KernelParameter): Promise<string> {
  return (await readFile(fileOf(parameter), 'utf8')).trim();
}

/**
 * Sets it and remembers what it was; the value of an earlier lab is not taken for the machine's own.
 *
 * @returns why it could not be set; undefined when it is
 */
export async function setParameter(parameter: KernelParameter, value: string): Promise<string | undefined> {
  try {
    const before = await readParameter(parameter);
    await mkdir(SAVED, { recursive: true, mode: 0o755 });
    await writeFile(join(SAVED, parameter.saved), `${before}\n`, { flag: 'wx' }).catch((cause: unknown) => {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    });
    await writeFile(fileOf(parameter), value);
    return undefined;
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  }
}

/** Puts it back when a lab had set it, and says so. */
export async function restoreParameter(parameter: KernelParameter, report: (line: string) => void): Promise<void> {
  const saved = (await readFile(join(SAVED, parameter.saved), 'utf8').catch(() => '')).trim();
  if (saved === '') return;
  try {
    await writeFile(fileOf(parameter), saved);
    await rm(join(SAVED, parameter.saved), { force: true });
    report(`${parameter.name} of this machine is ${saved} again`);
  } catch (cause) {
    report(`could not put ${parameter.name} back to ${saved}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

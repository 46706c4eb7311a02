/** Whether KVM works here: tried, since /dev/kvm may be there and a guest hang all the same. */
import { access, constants, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Diagnostic } from '../../support/diagnostic.ts';
import { runProgram } from '../process.ts';
import { QEMU } from './process.ts';
import type { Acceleration } from './qemu-arguments.ts';
import { RUN_DIRECTORY } from './names.ts';

/** A kernel without a root file system gives up within two seconds under KVM. */
const TRY_MS = 15_000;
/** Asked once, until this machine boots again. */
const KNOWN = join(RUN_DIRECTORY, '..', 'kvm-works');

export interface Chosen {
  readonly kind: Acceleration;
  /** Why software emulation, for people. */
  readonly why: string | undefined;
}

/** Boots the kernel to the point where it misses its root file system: it then says so and, by panic=-1 and -no-reboot, QEMU ends. */
async function boots(kernel: string): Promise<string | undefined> {
  const args = [
    '-accel', 'kvm', '-cpu', 'host', '-m', '256', '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-serial', 'stdio',
    '-kernel', kernel, '-append', 'console=ttyS0 panic=-1 root=/dev/none',
  ];
  try {
    const tried = await runProgram(QEMU, args, { timeoutMs: TRY_MS });
    if (/Unable to mount root fs|Cannot open root device/.test(tried.stdout)) return undefined;
    return `QEMU ended with status ${tried.status}: ${tried.stderr.trim().split('\n').at(-1) ?? ''}`;
  } catch (error) {
    if (error instanceof Diagnostic && error.code === 'program-timeout') return `a kernel did not boot under it within ${TRY_MS / 1000} s`;
    throw error;
  }
}

/**
 * Chooses between KVM and software emulation.
 *
 * @param kernel to try
 * @param wanted `auto`, or what a person insists on
 */
export async function chooseAcceleration(kernel: string, wanted: 'auto' | Acceleration, report: (line: string) => void): Promise<Chosen> {
  if (wanted !== 'auto') return { kind: wanted, why: wanted === 'tcg' ? 'it was asked for' : undefined };
  const known = (await readFile(KNOWN, 'utf8').catch(() => '')).trim();
  if (known !== '') return known === 'yes' ? { kind: 'kvm', why: undefined } : { kind: 'tcg', why: known };
  const usable = await access('/dev/kvm', constants.R_OK | constants.W_OK).then(() => true, () => false);
  if (usable) report(`trying whether KVM works here (up to ${TRY_MS / 1000} s, once until this machine boots again)`);
  const why = usable ? await boots(kernel) : '/dev/kvm is missing, or not for this user';
  await mkdir(join(RUN_DIRECTORY, '..'), { recursive: true });
  await writeFile(KNOWN, `${why ?? 'yes'}\n`);
  return why === undefined ? { kind: 'kvm', why } : { kind: 'tcg', why };
}

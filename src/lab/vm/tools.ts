/** The programs of this machine that virtual machines and their disks need. */
import { failure } from '../../support/diagnostic.ts';
import { runProgram } from '../process.ts';

/** A program, and arguments with which it only says which version it is. */
export type Tool = readonly [program: string, says: readonly string[]];

/** What makes a disk. */
export const DISK_TOOLS: readonly Tool[] = [['qemu-img', ['--version']], ['mke2fs', ['-V']], ['mmdebstrap', ['--version']]];
export const LAB_TOOLS: readonly Tool[] = [['qemu-system-x86_64', ['--version']], ...DISK_TOOLS, ['ip', ['-V']], ['iptables', ['--version']]];

/**
 * @param who begins the message: it needs the program that is missing
 * @throws Diagnostic `program-missing`
 */
export async function needTools(tools: readonly Tool[], who: string): Promise<void> {
  for (const [program, says] of tools) {
    await runProgram(program, says, { timeoutMs: 10_000 }).catch((cause: unknown) => {
      throw failure('program-missing', `${who} ${program}`, { remedy: './scripts/setup --vm installs what is missing', cause });
    });
  }
}

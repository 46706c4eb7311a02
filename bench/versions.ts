/** What was measured with what. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram } from '../src/lab/process.ts';

export async function versions(root: string): Promise<readonly string[]> {
  const first = async (file: string, args: readonly string[]): Promise<string> => (await runProgram(file, args, { timeoutMs: 20_000 })).stdout.split('\n')[0]?.trim() ?? '';
  return [
    `care-provision ${await first(join(root, 'bin', 'care-provision'), ['--version'])} (${await first('git', ['-C', root, 'log', '-1', '--format=%h of %cs'])})`,
    `Node ${process.version}, ssh2 ${(JSON.parse(await readFile(join(root, 'node_modules', 'ssh2', 'package.json'), 'utf8')) as { version: string }).version}`,
    `ansible ${await first('ansible', ['--version'])}`,
    `Mitogen ${(await first('dpkg-query', ['-W', '-f', '${Version}', 'ansible-mitogen'])) || 'not installed'}`,
    `kernel ${await first('uname', ['-r'])}, ${await first('nproc', [])} processors, hosts are systemd containers of Debian 12 on the same machine`,
  ];
}

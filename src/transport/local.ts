/** The `local` connection's channels: child processes in sessions of their own. */
import { spawn } from 'node:child_process';
import { failure } from '../support/diagnostic.ts';
import type { ByteChannel, ChannelEnd } from './channel.ts';

/**
 * Runs a command line with /bin/sh.
 *
 * @param shell the sh to use for the first hop; another one in tests
 * @throws Diagnostic when there is no such shell
 */
export async function openLocalChannel(command: string, shell = '/bin/sh'): Promise<ByteChannel> {
  // Detached: a Ctrl-C at the terminal must reach this program only, which then ends the scripts in order.
  const child = spawn(shell, ['-c', command], { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  let close: ((end: ChannelEnd) => void) | undefined;
  const ended = new Promise<ChannelEnd>((resolve) => { close = resolve; });
  child.once('close', (status, signal) => { close?.({ status: status ?? undefined, signal: signal ?? undefined }); });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) => {
      reject(failure('no-local-shell', `cannot start ${shell}: ${cause.message}`, { cause }));
    });
  });
  child.on('error', () => undefined);
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    ended,
    destroy: () => {
      // The runner sees the end of its input, ends the script in hand and removes its files.
      child.stdin.destroy();
      child.stdout.destroy();
      child.stderr.destroy();
    },
  };
}

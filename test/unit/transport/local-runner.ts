/** A runner on this machine under the shells that hosts have, for tests of the transport. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestContext } from 'vitest';
import { rawScript } from '../../../src/support/shell.ts';
import type { ByteChannel } from '../../../src/transport/channel.ts';
import { localConnection } from '../../../src/transport/connection.ts';
import { openLocalChannel } from '../../../src/transport/local.ts';
import type { Connection, ConnectionTarget, Outcome, Runner, RunRequest } from '../../../src/transport/types.ts';

/** For all files that share this process; it goes with the run's temporary directory. */
export const dir = mkdtempSync(join(tmpdir(), 'care-runner-'));
export const target: ConnectionTarget = {
  name: 'here', connection: 'local', address: 'localhost', port: 22, user: undefined, privateKeyFile: undefined,
  password: undefined, sshArgs: [], connectTimeoutSeconds: 5, knownHostsFiles: undefined,
};
type Context = Pick<TestContext, 'onTestFinished'>;

/** A local connection under some shell, closed with the test; `cut` is what a killed controller does, and between `hold` and `release` answers are on their way. */
export function connect({ onTestFinished }: Context, shell = '/bin/sh', prelude = '', loginShell = '/bin/sh'): Connection & { cut: () => void; hold: () => void; release: () => void } {
  const channels: ByteChannel[] = [];
  const connection = localConnection(target, async (command) => {
    const channel = await openLocalChannel(prelude + command.replace('/bin/sh', shell), loginShell);
    channels.push(channel);
    return channel;
  });
  onTestFinished(() => connection.close());
  const each = (what: (channel: ByteChannel) => unknown) => (): void => { channels.forEach(what); };
  return { ...connection, cut: each((channel) => { channel.destroy(); }), hold: each((channel) => channel.stdout.pause()), release: each((channel) => channel.stdout.resume()) };
}

export function request(text: string, more: Partial<RunRequest> = {}): RunRequest {
  return { script: rawScript(text), timeoutSeconds: 30, ...more };
}

export function text(outcome: Outcome): string {
  return outcome.stdout.toString('utf8');
}

/** The private directories of a runner: what `$care_files` of a small and of a large request lies in. */
export async function directories(runner: Runner): Promise<string[]> {
  const small = text(await runner.run(request('echo "${care_files%/*}"'))).trim();
  const name = small.replace(/^.*\//, '');
  return [small, `/var/tmp/${name}-l`];
}

export async function until(what: () => boolean, milliseconds = 8000): Promise<boolean> {
  const deadline = Date.now() + milliseconds;
  while (!what() && Date.now() < deadline) await sleep(50);
  return what();
}

export function alive(pid: string): boolean {
  try {
    // A zombie is dead; who reaps it is not ours to say.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid.trim()}/status`, 'utf8'));
  } catch {
    return false;
  }
}

export const has = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
export const shells: [name: string, shell: string, prelude: string][] = [['dash', 'dash', ''], ['bash --posix', 'bash --posix', '']].filter(([, s]) => has(s?.split(' ')[0] ?? '')) as [string, string, string][];
if (has('busybox')) {
  const applets = join(dir, 'applets');
  execFileSync('sh', ['-c', `mkdir ${applets} && busybox --install -s ${applets} && ln -sf "$(command -v busybox)" ${applets}/busybox`]);
  shells.push(['busybox sh with its own tools', `${applets}/busybox sh`, `PATH=${applets};export PATH;`]);
}

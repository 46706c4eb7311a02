/** Makes, starts and awaits the containers of lab hosts. */
import { createHash } from 'node:crypto';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { failure } from '../support/diagnostic.ts';
import { dockerCreateArguments, type ContainerSpec } from './container.ts';
import { docker, dockerTry, LABEL } from './docker.ts';
import { SEED_DIRECTORY } from './image-recipe.ts';
import type { SeedFile } from './keys.ts';

/** Makes and starts one container with its seed files in place before the first process runs. */
export type StartContainer = (spec: ContainerSpec, seed: readonly SeedFile[]) => Promise<void>;

/** {@link StartContainer} by the docker command line. */
export const startWithDocker: StartContainer = async (spec, seed) => {
  const directory = await mkdtemp(join(tmpdir(), 'care-lab-seed-'));
  try {
    const inside = join(directory, 'seed');
    await mkdir(inside, { mode: 0o700 });
    for (const file of seed) await writeFile(join(inside, file.name), file.text, { mode: 0o600 });
    await docker(dockerCreateArguments(spec));
    await docker(['cp', inside, `${spec.name}:${SEED_DIRECTORY}/`]);
    await docker(['start', spec.name]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
};

/** Same hash, same host: image, flags, address and keys. */
export function specHash(spec: ContainerSpec, imageId: string, seed: readonly SeedFile[]): string {
  return createHash('sha256').update(JSON.stringify([spec, imageId, seed])).digest('hex').slice(0, 16);
}

/** Whether a container of that name and hash runs already. */
export async function runsAlready(spec: ContainerSpec, hash: string): Promise<boolean> {
  const seen = await dockerTry(['container', 'inspect', '--format', `{{.State.Running}} {{index .Config.Labels "${LABEL.spec}"}}`, spec.name]);
  return seen.status === 0 && seen.stdout.trim() === `true ${hash}`;
}

const POLL_MS = 300;
const PROBE_MS = 3_000;

/**
 * Waits until systemd has booted and sshd answers.
 *
 * @param timeoutMs milliseconds for both together
 * @returns `running`, or `degraded` with the failed units
 * @throws Diagnostic `lab-host-dead` when the container ended, `lab-host-slow` when the time is over
 */
export async function awaitHost(spec: ContainerSpec, timeoutMs: number, signal?: AbortSignal): Promise<{ system: 'running' | 'degraded'; failed: readonly string[] }> {
  const deadline = Date.now() + timeoutMs;
  let last = 'no answer yet';
  for (;;) {
    signal?.throwIfAborted();
    const state = await dockerTry(['exec', spec.name, 'systemctl', 'is-system-running']);
    const word = state.stdout.trim();
    if ((word === 'running' || word === 'degraded') && (await sshBanner(spec.address, 22))) {
      return { system: word, failed: word === 'degraded' ? await failedUnits(spec.name) : [] };
    }
    if (word !== '') last = `systemd is ${word}`;
    if (word === 'running' || word === 'degraded') last += ', but sshd does not answer';
    const alive = await dockerTry(['container', 'inspect', '--format', '{{.State.Status}} {{.RestartCount}}', spec.name]);
    const [status = 'gone', restarts = '0'] = alive.stdout.trim().split(' ');
    if (alive.status !== 0 || status === 'exited' || status === 'dead' || Number(restarts) > 2) throw await dead(spec.name, status);
    if (Date.now() > deadline) {
      const jobs = await dockerTry(['exec', spec.name, 'sh', '-c', 'systemctl --failed --no-pager --plain --no-legend; systemctl list-jobs --no-pager --plain --no-legend']);
      throw failure('lab-host-slow', `lab host ${spec.hostname} is not ready after ${timeoutMs / 1000} s: ${last}`, {
        detail: jobs.stdout.trim(),
        remedy: `look inside: docker exec ${spec.name} journalctl -b`,
      });
    }
    await sleep(POLL_MS);
  }
}

async function failedUnits(container: string): Promise<readonly string[]> {
  const list = await dockerTry(['exec', container, 'systemctl', '--failed', '--no-pager', '--plain', '--no-legend']);
  return list.stdout.split('\n').map((line) => line.trim().split(/\s+/)[0] ?? '').filter((unit) => unit !== '');
}

async function dead(container: string, status: string): Promise<Error> {
  const logs = await dockerTry(['logs', '--tail', '20', container]);
  return failure('lab-host-dead', `lab host ${container} did not boot: its container is ${status}`, { detail: `${logs.stdout}${logs.stderr}`.trim() });
}

/** Whether something at the address greets as SSH servers do (RFC 4253, section 4.2). */
export async function sshBanner(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: PROBE_MS });
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('data', (chunk: Buffer) => { end(chunk.toString('latin1').startsWith('SSH-')); });
    socket.once('timeout', () => { end(false); });
    socket.once('error', () => { end(false); });
    socket.once('end', () => { end(false); });
  });
}

/** The docker command line: the one container runtime that the lab speaks to. */
import { failure } from '../support/diagnostic.ts';
import { lastLines, runProgram, type ProgramOptions, type ProgramResult } from './process.ts';

/** Every container and network of a lab carries these labels; teardown and sweeping go by them. */
export const LABEL = {
  lab: 'care-provision.lab',
  host: 'care-provision.host',
  /** What the container was made from; a difference makes `lab up` make it anew. */
  spec: 'care-provision.spec',
  /** The process whose end makes the lab rubbish; absent on a lab that a person keeps. See owner.ts. */
  owner: 'care-provision.owner',
  /** On images: the hash of the recipe. */
  recipe: 'care-provision.recipe',
} as const;

const DEFAULT_TIMEOUT_MS = 60_000;

/** Runs docker and gives its result, whatever the status. */
export async function dockerTry(args: readonly string[], options: Partial<ProgramOptions> = {}): Promise<ProgramResult> {
  return runProgram('docker', args, { timeoutMs: DEFAULT_TIMEOUT_MS, ...options });
}

/**
 * Runs docker.
 *
 * @returns its standard output without the final newline
 * @throws Diagnostic `docker-unreachable` or `docker-failed`
 */
export async function docker(args: readonly string[], options: Partial<ProgramOptions> = {}): Promise<string> {
  const result = await dockerTry(args, options);
  if (result.status !== 0) throw dockerFailure(args, result);
  return result.stdout.trimEnd();
}

function dockerFailure(args: readonly string[], result: ProgramResult): Error {
  const detail = lastLines(result.stderr);
  if (/cannot connect to the docker daemon|permission denied.*docker\.sock|is the docker daemon running/i.test(detail)) {
    return failure('docker-unreachable', 'the docker daemon does not answer', {
      detail,
      remedy: 'start it (systemctl start docker, or ./scripts/setup, which starts dockerd where there is no systemd), or join the group docker',
    });
  }
  return failure('docker-failed', `docker ${args[0] ?? ''} failed with status ${result.status}`, { detail });
}

/** Non-empty lines of a docker listing. */
export async function dockerLines(args: readonly string[]): Promise<readonly string[]> {
  return (await docker(args)).split('\n').filter((line) => line !== '');
}

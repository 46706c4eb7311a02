/** Ways into a lab that is up: its state, ssh as its user, commands as root. */
import { badInput } from '../support/diagnostic.ts';
import { suggestion } from '../support/nearest.ts';
import type { ExecOptions, HostLook, Lab } from './driver.ts';
import { driverNamed } from './drivers.ts';
import { LOGIN_USER } from './image-recipe.ts';
import { isAlive } from './owner.ts';
import type { ProgramResult } from './process.ts';
import { containerName, DEFAULT_LAB } from './spec.ts';
import { labPaths, readState, type LabHost } from './state.ts';

/**
 * Opens a lab brought up earlier.
 *
 * @throws Diagnostic `lab-not-up`
 */
export async function openLab(projectRoot: string, name = DEFAULT_LAB): Promise<Lab> {
  const paths = labPaths(projectRoot, name);
  const state = await readState(paths);
  if (state === undefined) throw badInput('lab-not-up', `there is no lab ${name}`, { remedy: `care-provision lab up${name === DEFAULT_LAB ? '' : ` --name ${name}`}` });
  return { state, paths };
}

/** @throws Diagnostic `lab-unknown-host` with the names there are */
export function labHost(lab: Lab, name: string): LabHost {
  const host = lab.state.hosts.find((each) => each.name === name);
  if (host !== undefined) return host;
  const names = lab.state.hosts.map((each) => each.name);
  throw badInput('lab-unknown-host', `lab ${lab.state.name} has no host ${name}`, { detail: suggestion(name, names) ?? `it has ${names.join(', ')}` });
}

/**
 * Arguments of OpenSSH's `ssh` into a host, its pinned key enforced and the user's own configuration left out.
 *
 * @param command words for the remote shell; none for a login shell
 */
export function sshArguments(lab: Lab, hostName: string, command: readonly string[] = [], user = LOGIN_USER): readonly string[] {
  const host = labHost(lab, hostName);
  const options = [
    `IdentityFile=${lab.paths.loginKey}`, 'IdentitiesOnly=yes', `UserKnownHostsFile=${lab.paths.knownHosts}`, 'GlobalKnownHostsFile=/dev/null', 'StrictHostKeyChecking=yes', 'ConnectTimeout=15',
  ];
  return ['-F', '/dev/null', ...options.flatMap((each) => ['-o', each]), '-p', String(host.sshPort), `${user}@${host.sshAddress}`, ...(command.length > 0 ? ['--', ...command] : [])];
}

/** Runs a command as root inside a host, not over SSH: for tests and drills, never for provisioning. */
export async function labExec(lab: Lab, hostName: string, argv: readonly string[], options: ExecOptions = {}): Promise<ProgramResult> {
  return driverNamed(lab.state.driver).exec(lab, labHost(lab, hostName), argv, options);
}

/** Arguments of `docker` for the same in a lab of containers, for a caller that hands its own terminal on. @throws Diagnostic `lab-no-terminal` */
export function execArguments(lab: Lab, hostName: string, argv: readonly string[], interactive: boolean, terminal = false): readonly string[] {
  if (lab.state.driver !== 'container') {
    throw badInput('lab-no-terminal', `host ${hostName} is a virtual machine: it gives commands no terminal`, { remedy: `care-provision lab ssh ${hostName}, then sudo -i` });
  }
  const flags = [...(interactive ? ['--interactive'] : []), ...(terminal ? ['--tty'] : [])];
  return ['exec', ...flags, containerName(lab.state.name, labHost(lab, hostName).name), ...argv];
}

export interface HostStatus extends LabHost, HostLook {}

export interface LabStatus {
  readonly lab: Lab;
  readonly hosts: readonly HostStatus[];
  /** Whether the delay proxy runs; undefined when the lab has none. */
  readonly proxyAlive: boolean | undefined;
}

/** Looks at every host of a lab. */
export async function labStatus(projectRoot: string, name = DEFAULT_LAB): Promise<LabStatus> {
  const lab = await openLab(projectRoot, name);
  const hosts = await Promise.all(
    lab.state.hosts.map(async (host) => ({ ...host, ...(await driverNamed(lab.state.driver).look(lab, host)) })),
  );
  return { lab, hosts, proxyAlive: lab.state.proxy === undefined ? undefined : isAlive(lab.state.proxy.owner) };
}

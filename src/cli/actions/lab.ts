/** What `lab` does: the lab's own functions, with this terminal. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { boxDirectory, ensureBox, execArguments, generateHosts, labDown, labExec, labHost, labPower, labSnapshots, labStatus, labUp, listLabs, openLab, parseDisks, parseWan, sshArguments, type LabUpOptions, type Release } from '../../lab/index.ts';
import { Diagnostic, ExitStatus } from '../../support/diagnostic.ts';
import type { CliContext } from '../context.ts';
import type { LabBoxFlags, LabUpFlags, PowerWord } from '../commands/lab.ts';
import { columns } from '../terminal/columns.ts';
import { processInterruption } from '../terminal/signals.ts';
import { projectRoot } from './project.ts';

/** The longest that a command in a virtual machine may take, in milliseconds. */
const EXEC_MS = 60 * 60_000;

/** Only what was given: the rest is as each host says itself. */
function sizeOf(flags: LabUpFlags): LabUpOptions['size'] {
  return {
    ...(flags.memory === undefined ? {} : { memoryMiB: flags.memory }),
    ...(flags.cpus === undefined ? {} : { cpus: flags.cpus }),
    ...(flags.disks === undefined ? {} : { disksGiB: parseDisks(flags.disks) }),
  };
}

/** Makes what takes minutes, so that Ctrl-C ends it. @throws Diagnostic `interrupted` with what to do then */
async function interruptible(context: CliContext, command: string, remedy: string, work: (signal: AbortSignal) => Promise<void>): Promise<ExitStatus> {
  const interrupted = processInterruption(context);
  try {
    await work(interrupted.stop);
    return ExitStatus.ok;
  } catch (error) {
    if (interrupted.stop.aborted) throw new Diagnostic({ kind: 'interrupted', code: 'interrupted', summary: `${command} was interrupted`, remedy, cause: error });
    throw error;
  } finally {
    interrupted.dispose();
  }
}

export async function labUpAction(context: CliContext, flags: LabUpFlags): Promise<ExitStatus> {
  return interruptible(context, 'lab up', 'run lab up again to go on, or lab down to remove what is there', async (signal) => {
    const lab = await labUp({
      projectRoot: projectRoot(context.cwd),
      name: flags.name,
      hosts: flags.hosts === undefined ? undefined : generateHosts(flags.hosts, `${flags.name}-`),
      rttMs: flags.rtt,
      driver: flags.driver,
      wan: flags.wan === undefined ? undefined : parseWan(flags.wan),
      acceleration: flags.accel,
      size: sizeOf(flags),
      rebuild: flags.rebuild,
      report: (line) => { context.stdout.write(`${line}\n`); },
      signal,
    });
    context.stdout.write(`lab ${lab.state.name} is up; its connections are in ${lab.state.inventoryFile}\n`);
  });
}

export async function labBoxAction(context: CliContext, release: Release, flags: LabBoxFlags): Promise<ExitStatus> {
  return interruptible(context, 'lab box', 'run it again: what was half made is removed then', async (signal) => {
    const box = await ensureBox(release, {
      directory: flags.output === undefined ? boxDirectory(projectRoot(context.cwd)) : path.resolve(context.cwd, flags.output),
      rebuild: flags.rebuild,
      report: (line) => { context.stdout.write(`${line}\n`); },
      signal,
    });
    context.stdout.write(`for a Vagrantfile: config.vm.box = '${box.name}', config.vm.box_url = '${box.catalogue}'; that of vagrant/ finds it in .care/boxes\n`);
  });
}

export async function labDownAction(context: CliContext, flags: { readonly name: string; readonly images?: boolean }): Promise<ExitStatus> {
  await labDown({ projectRoot: projectRoot(context.cwd), name: flags.name, images: flags.images, report: (line) => { context.stdout.write(`${line}\n`); } });
  return ExitStatus.ok;
}

export async function labStatusAction(context: CliContext, flags: { readonly name: string; readonly json?: boolean }): Promise<ExitStatus> {
  const status = await labStatus(projectRoot(context.cwd), flags.name);
  const running = status.hosts.every((host) => host.machine === 'running') && status.proxyAlive !== false;
  if (flags.json === true) {
    context.stdout.write(`${JSON.stringify({ name: status.lab.state.name, driver: status.lab.state.driver, network: status.lab.state.network, inventory: status.lab.state.inventoryFile, proxyAlive: status.proxyAlive ?? null, hosts: status.hosts }, undefined, 2)}\n`);
  } else {
    const rows = status.hosts.map((host) => [host.name, host.site, host.release, host.address, `${host.sshAddress}:${String(host.sshPort)}`, host.system === '' ? host.machine : host.system]);
    for (const line of columns([['host', 'site', 'release', 'address', 'ssh', 'state'], ...rows])) context.stdout.write(`${line}\n`);
    if (status.proxyAlive === false) context.stdout.write('the delay proxy does not run: lab up starts it again\n');
  }
  return running ? ExitStatus.ok : ExitStatus.failed;
}

/** Runs a program on this terminal; its exit status, or 128+n after signal n, becomes ours. */
async function onThisTerminal(program: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit' });
    // Ctrl-C is for the child, which shares our terminal.
    const ignore = (): void => undefined;
    process.on('SIGINT', ignore);
    child.on('error', (error) => {
      process.off('SIGINT', ignore);
      reject(new Diagnostic({ kind: 'failed', code: 'program-missing', summary: `cannot start ${program}: ${error.message}`, remedy: `install ${program} on this machine`, cause: error }));
    });
    child.on('close', (status, signal) => {
      process.off('SIGINT', ignore);
      resolve(status ?? (signal === null ? ExitStatus.internal : ExitStatus.interrupted));
    });
  });
}

export async function labSshAction(context: CliContext, host: string, command: readonly string[], name: string): Promise<number> {
  return onThisTerminal('ssh', sshArguments(await openLab(projectRoot(context.cwd), name), host, command));
}

/** In a container on this terminal; in a virtual machine the command runs to its end, then its output comes. */
export async function labExecAction(context: CliContext, host: string, command: readonly string[], name: string): Promise<number> {
  const lab = await openLab(projectRoot(context.cwd), name);
  if (lab.state.driver === 'vm' && command.length > 0) {
    const ran = await labExec(lab, host, command, { timeoutMs: EXEC_MS });
    context.stdout.write(ran.stdout);
    context.stderr.write(ran.stderr);
    return ran.status;
  }
  const argv = command.length === 0 ? ['sh'] : command;
  return onThisTerminal('docker', execArguments(lab, host, argv, true, context.interactive && context.stdout.isTTY));
}

export async function labListAction(context: CliContext): Promise<ExitStatus> {
  const rows = (await listLabs()).map((lab) => [lab.name, lab.driver === 'vm' ? 'virtual machines' : 'containers', String(lab.hosts)]);
  for (const line of columns([['lab', 'bed', 'hosts'], ...rows])) context.stdout.write(`${line}\n`);
  return ExitStatus.ok;
}

export async function labPowerAction(context: CliContext, hostName: string, what: PowerWord, name: string): Promise<ExitStatus> {
  const host = labHost(await openLab(projectRoot(context.cwd), name), hostName);
  const power = await labPower(host.name, host.address);
  const press: Readonly<Record<PowerWord, () => Promise<void>>> = {
    on: async () => power.on(),
    off: async () => power.cut(),
    shutdown: async () => power.shutDown(),
    reset: async () => power.reset(),
  };
  await press[what]();
  context.stdout.write(`${host.name} is ${(await power.isOn()) ? 'on' : 'off'}\n`);
  return ExitStatus.ok;
}

export async function labSnapshotAction(context: CliContext, snapshot: string | undefined, name: string): Promise<ExitStatus> {
  const lab = await openLab(projectRoot(context.cwd), name);
  const snapshots = labSnapshots(lab);
  if (snapshot !== undefined) await snapshots.save(lab, snapshot);
  const rows = (await snapshots.list(lab)).map((each) => [each.name, each.running ? 'disks and memory' : 'disks']);
  for (const line of columns([['snapshot', 'of'], ...rows])) context.stdout.write(`${line}\n`);
  return ExitStatus.ok;
}

export async function labRestoreAction(context: CliContext, snapshot: string, name: string): Promise<ExitStatus> {
  const lab = await openLab(projectRoot(context.cwd), name);
  await labSnapshots(lab).restore(lab, snapshot, (line) => { context.stdout.write(`${line}\n`); });
  return ExitStatus.ok;
}

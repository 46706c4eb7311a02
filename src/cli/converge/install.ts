/** `converge install` and `uninstall`: the units of a nightly run on this machine. */
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readPolicy, type Policy } from '../../run/converge/policy.ts';
import { reachOf } from '../../run/converge/reach.ts';
import { connectionTarget } from '../../run/connection-target.ts';
import type { Loaded } from '../../run/load.ts';
import { validateProject } from '../../run/validate-project.ts';
import { Variables } from '../../run/variables.ts';
import { recordFiles } from '../../state/converge-record.ts';
import { stateDirectory } from '../../state/location.ts';
import { badInput, Diagnostic, DiagnosticList, ExitStatus, failure } from '../../support/diagnostic.ts';
import { packageRoot } from '../../support/package-root.ts';
import { writeWhole } from '../../support/write-whole.ts';
import type { ConvergeInstallFlags, ConvergeNameFlags } from '../commands/converge.ts';
import type { CliContext } from '../context.ts';
import { parseExtraVars } from '../extra-vars.ts';
import { requireNotify } from '../notify/config.ts';
import { plural } from '../reporters/counts.ts';
import { maskedVariables } from '../run-arguments.ts';
import { metricsFiles, nameOf, unitsOf } from './names.ts';
import { mustRun, requireSystemd, tool, UNIT_DIRECTORY } from './systemctl.ts';
import { calendarOf, isOurs, purposeOf, startSteps, unitFiles, type Purpose, type UnitsInit } from './units.ts';
import { beginWatch, refuseUnlessRoot } from './watch.ts';

interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** @throws Diagnostic `usage` for a user that is not there */
async function accountOf(name: string): Promise<Account> {
  const { status, stdout } = await tool(['getent', 'passwd', name]);
  const [user = '', , uid = '', gid = '', , home = ''] = stdout.trim().split(':');
  if (status !== 0 || user === '') throw new Diagnostic({ kind: 'usage', code: 'no-user', summary: `--user ${name}: there is no such user`, remedy: 'make it first: adduser --system --home /var/lib/care --shell /bin/sh care' });
  return { name: user, uid: Number(uid), gid: Number(gid), home };
}

/** The program as it is started by bin/care-provision, but for what that builds or looks for. */
function program(): readonly string[] {
  const file = path.join(packageRoot(), 'dist', 'care-provision.cjs');
  if (!existsSync(file)) throw failure('not-built', `${file} is not there`, { remedy: 'build the program: bin/care-provision version' });
  return [process.execPath, '--max-semi-space-size=8', '--initial-old-space-size=100', file];
}

/** Hosts that are this machine by a local connection: within the sandbox nothing of it can be changed. */
function localHosts(loaded: Loaded, extraVars: ReturnType<typeof parseExtraVars>): readonly string[] {
  const variables = new Variables({ inventory: loaded.inventory, extraVars, mode: 'apply', diff: false, decrypt: loaded.secrets.decrypt });
  return loaded.inventory.hosts.filter((host) => connectionTarget(host, variables.hostScope(host)).connection === 'local');
}

interface Sound {
  readonly loaded: Loaded;
  readonly policy: Policy;
}

/** Everything that would keep a night from beginning, found by day. @throws Diagnostic or DiagnosticList */
function sound(context: CliContext, request: InstallRequest): Sound {
  const { flags, inventory, playbooks } = request;
  const extraVars = parseExtraVars(flags.extraVars, context.cwd);
  const { loaded, problems: [first, ...rest] } = validateProject({ inventory: [inventory, ...flags.inventory], playbooks: [...playbooks, ...flags.playbook], limit: undefined, extraVars });
  if (first !== undefined) throw new DiagnosticList([first, ...rest]);
  const policy = readPolicy(loaded, extraVars);
  // A run that dies or is missed tells somebody; without anybody it would be the silence that this is there to end.
  requireNotify(loaded, extraVars);
  const local = localHosts(loaded, extraVars);
  if (flags.sandbox && local.length > 0) throw badInput('converge-local-host', `${local.slice(0, 3).join(', ')}: this machine, by ansible_connection: local, of which nothing can be changed from within the unit's sandbox`, { remedy: 'reach it by ssh as any host (ansible_host: 127.0.0.1), or leave the sandbox out: --no-sandbox' });
  return { loaded, policy };
}

export interface InstallRequest {
  readonly inventory: string;
  readonly playbooks: readonly string[];
  readonly flags: ConvergeInstallFlags;
}

/** A directory for the user who runs it; its own only when it is made here. */
function directoryFor(directory: string, account: Account): void {
  const missing: string[] = [];
  for (let at = directory; !existsSync(at); at = path.dirname(at)) missing.push(at);
  for (const one of missing.reverse()) {
    mkdirSync(one, { mode: 0o700 });
    chownSync(one, account.uid, account.gid);
  }
}

/** What stands in units, which everybody may read, must be no secret. @throws Diagnostic `usage` */
function refuseSecrets(flags: ConvergeInstallFlags): void {
  const open = flags.extraVars.find((words) => !words.startsWith('@'));
  if (open !== undefined) throw new Diagnostic({ kind: 'usage', code: 'vars-in-unit', summary: `--extra-vars ${maskedVariables(open)}: everybody may read units, and what they are called with`, remedy: 'write it to a file for the user who runs it alone: --extra-vars @/etc/care-provision/vars.yml' });
}

/** @throws Diagnostic `usage` for a file that others may read, since it is for secrets */
function environmentFile(cwd: string, given: string | undefined): string | undefined {
  if (given === undefined) return undefined;
  const file = path.resolve(cwd, given);
  const found = statSync(file, { throwIfNoEntry: false });
  if (found?.isFile() !== true) throw new Diagnostic({ kind: 'usage', code: 'environment-file', summary: `--environment-file ${file}: there is no such file` });
  if ((found.mode & 0o077) !== 0) throw new Diagnostic({ kind: 'usage', code: 'environment-file', summary: `--environment-file ${file}: others may read it`, remedy: `chmod 0600 ${file}` });
  return file;
}

function argumentsOf(cwd: string, { playbooks, flags }: InstallRequest): readonly string[] {
  const absolute = (file: string): string => path.resolve(cwd, file);
  return [
    ...playbooks.map(absolute),
    ...flags.inventory.flatMap((one) => ['--inventory', one.includes(',') ? one : absolute(one)]),
    ...flags.playbook.flatMap((one) => ['--playbook', absolute(one)]),
    ...flags.extraVars.flatMap((words) => ['--extra-vars', `@${absolute(words.slice(1))}`]),
    ...(flags.forks === 30 ? [] : ['--forks', String(flags.forks)]),
    ...(flags.lockWait === 900 ? [] : ['--lock-wait', String(flags.lockWait)]),
    ...(flags.reports === undefined ? [] : ['--reports', absolute(flags.reports)]),
  ];
}

/** A unit with a /tmp of its own does not see this one. @throws Diagnostic `usage` */
function refuseTemporary(sandbox: boolean, paths: readonly string[]): void {
  const hidden = sandbox ? paths.find((file) => /^\/(var\/)?tmp(\/|$)/.test(file)) : undefined;
  if (hidden !== undefined) throw new Diagnostic({ kind: 'usage', code: 'temporary-path', summary: `${hidden} lies in a directory for temporary files, which the unit has one of its own of`, remedy: 'keep inventory, playbooks and reports elsewhere, /srv/care say, and call it from there' });
}

/** @throws Diagnostic for whatever would keep a night from beginning; nothing has been written then */
export async function convergeInstallAction(context: CliContext, request: InstallRequest, now: () => number = Date.now): Promise<ExitStatus> {
  const { flags, inventory } = request;
  const name = nameOf(flags.name, inventory);
  refuseUnlessRoot('converge install');
  requireSystemd();
  refuseSecrets(flags);
  const { policy, loaded } = sound(context, request);
  const account = await accountOf(flags.user);
  const own = context.environment['CARE_STATE'];
  const state = stateDirectory(own === undefined || own === '' ? { HOME: account.home } : { CARE_STATE: own });
  const metrics = flags.metrics === undefined ? null : path.resolve(context.cwd, flags.metrics);
  if (metrics !== null && statSync(metrics, { throwIfNoEntry: false })?.isDirectory() !== true) throw new Diagnostic({ kind: 'usage', code: 'metrics-directory', summary: `--metrics ${metrics}: there is no such directory`, remedy: "give node_exporter's, e.g. /var/lib/prometheus/node-exporter" });
  const reports = flags.reports === undefined ? undefined : path.resolve(context.cwd, flags.reports);
  const writable = flags.writable.map((one) => path.resolve(context.cwd, one));
  const missing = writable.find((one) => statSync(one, { throwIfNoEntry: false })?.isDirectory() !== true);
  if (missing !== undefined) throw new Diagnostic({ kind: 'usage', code: 'writable-directory', summary: `--writable ${missing}: there is no such directory` });
  const init: UnitsInit = {
    name, inventory: path.resolve(context.cwd, inventory), arguments: [...argumentsOf(context.cwd, request)], metrics, state, user: account.name, schedule: policy.schedule, timeZone: policy.time_zone,
    program: program(), directory: context.cwd, home: account.home, writable: [...(metrics === null ? [] : [metrics]), ...(reports === undefined ? [] : [reports]), ...writable],
    environmentFile: environmentFile(context.cwd, flags.environmentFile), memoryMax: flags.memoryMax, sandbox: flags.sandbox,
  };
  refuseTemporary(flags.sandbox, [init.directory, init.inventory, ...init.arguments.filter((word) => word.startsWith('/')), ...init.writable]);
  const files = unitFiles(init);
  const anew = installedPurpose(name)?.calendar !== calendarOf(policy.schedule, policy.time_zone);
  for (const file of Object.keys(files)) refuseForeign(path.join(UNIT_DIRECTORY, file));
  await verify(files);
  for (const directory of [path.join(state, 'converge'), ...(reports === undefined ? [] : [reports]), path.join(account.home, '.cache', 'care-provision')]) directoryFor(directory, account);
  await beginWatch(name, { CARE_STATE: state }, now(), anew);
  for (const file of recordFiles(name, { CARE_STATE: state })) if (existsSync(file)) chownSync(file, account.uid, account.gid);
  for (const [file, text] of Object.entries(files)) {
    const target = path.join(UNIT_DIRECTORY, file);
    await writeWhole(target, text, 0o644);
    chmodSync(target, 0o644);
  }
  const units = unitsOf(name);
  for (const step of startSteps(units, anew)) await mustRun(...step);
  context.stdout.write(`installed: ${units.timer} (${init.schedule.at} ${policy.time_zone}, spread over ${String(policy.schedule.jitter)} s), by ${account.name}, state in ${state}\npolicy: ${policyWords(policy, loaded)}\nsee: care-provision converge status ${inventory}${flags.name === undefined ? '' : ` --name ${name}`}\nby hand: systemctl start ${units.service}\n`);
  return ExitStatus.ok;
}

/** What a night may do, in numbers: who has misspelt a tag sees it here. */
function policyWords(policy: Policy, loaded: Loaded): string {
  if (policy.mode === 'report') return 'report only';
  const { tasks, held, unusedTags } = reachOf(policy, loaded.playbooks);
  return `mend ${String(tasks - held)} of ${plural(tasks, 'task')}, only report on ${String(held)}${unusedTags.length === 0 ? '' : `; NO task of these playbooks has the tag ${unusedTags.join(', ')}`}`;
}

/** @throws Diagnostic for a unit that somebody else has written under our name */
function refuseForeign(file: string): void {
  if (existsSync(file) && !isOurs(readFileSync(file, 'utf8'))) throw failure('foreign-unit', `${file} is there, and was not written by converge install`, { remedy: 'move it away, or give another --name' });
}

/** Lets systemd read the units before they are put where it would believe them. @throws Diagnostic with what it says */
async function verify(files: Readonly<Record<string, string>>): Promise<void> {
  const directory = mkdtempSync(path.join(tmpdir(), 'care-units-'));
  try {
    const paths = Object.entries(files).map(([file, text]) => {
      const target = path.join(directory, file);
      writeFileSync(target, text);
      return target;
    });
    const { status, stderr } = await tool(['systemd-analyze', 'verify', '--man=no', ...paths]);
    if (status !== 0) throw failure('unit-refused', 'systemd does not take the units', { detail: stderr.trim().slice(0, 2000), remedy: 'systemd 252 or later is needed (Debian 12)' });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The purpose of the units of a name; undefined when there are none of ours. */
export function installedPurpose(name: string): Purpose | undefined {
  const file = path.join(UNIT_DIRECTORY, unitsOf(name).service);
  return existsSync(file) ? purposeOf(readFileSync(file, 'utf8')) : undefined;
}

/** Takes everything away that `install` has brought, but for reports and the history. */
export async function convergeUninstallAction(context: CliContext, inventory: string, flags: ConvergeNameFlags): Promise<ExitStatus> {
  const name = nameOf(flags.name, inventory);
  refuseUnlessRoot('converge uninstall');
  requireSystemd();
  const units = unitsOf(name);
  const present = Object.values(units).filter((unit) => existsSync(path.join(UNIT_DIRECTORY, unit)));
  if (present.length === 0) {
    context.stdout.write(`nothing to take away: there are no units of ${name}\n`);
    return ExitStatus.ok;
  }
  for (const unit of present) refuseForeign(path.join(UNIT_DIRECTORY, unit));
  const purpose = installedPurpose(name);
  const timers = present.filter((unit) => unit.endsWith('.timer'));
  if (timers.length > 0) await mustRun('systemctl', 'disable', '--now', ...timers);
  // The timer's note of when it last elapsed.
  if (timers.length > 0) await tool(['systemctl', 'clean', '--what=state', ...timers]);
  // A run in hand is asked to end: it finishes its tasks and reports.
  await mustRun('systemctl', 'stop', ...present);
  for (const unit of present) rmSync(path.join(UNIT_DIRECTORY, unit));
  await mustRun('systemctl', 'daemon-reload');
  await tool(['systemctl', 'reset-failed', ...present]);
  if (purpose !== undefined) {
    for (const file of recordFiles(name, { CARE_STATE: purpose.state })) rmSync(file, { force: true });
    if (purpose.metrics !== null) for (const file of Object.values(metricsFiles(purpose.metrics, name))) rmSync(file, { force: true });
  }
  context.stdout.write(`taken away: ${present.join(', ')}${purpose === undefined ? '' : ', the record and the metrics'}; reports and the history stay\n`);
  return ExitStatus.ok;
}

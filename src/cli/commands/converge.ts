/** `converge`: every night, by a timer: look, mend what the policy lets be mended, tell whom the inventory names. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { addExtraVarsOption, addInventoryOption, integer } from '../options.ts';
import type { Session } from '../session.ts';

/** What every command of a nightly run takes. */
export interface ConvergeFlags {
  readonly inventory: readonly string[];
  readonly name?: string;
  readonly extraVars: readonly string[];
  readonly metrics?: string;
}

export type ConvergeWatchFlags = ConvergeFlags;

export interface ConvergeRunFlags extends ConvergeFlags {
  readonly playbook: readonly string[];
  readonly forks: number;
  readonly lockWait: number;
  readonly reports?: string;
  readonly reportOnly?: boolean;
  /** Seconds, for who watches the run. */
  readonly timeout: number;
  readonly diff?: boolean;
  readonly verbose: number;
}

export interface ConvergeInstallFlags extends ConvergeFlags {
  readonly playbook: readonly string[];
  readonly forks: number;
  readonly lockWait: number;
  readonly reports?: string;
  readonly user: string;
  readonly environmentFile?: string;
  readonly memoryMax: string;
  readonly writable: readonly string[];
  readonly sandbox: boolean;
}

export interface ConvergeNameFlags {
  readonly name?: string;
}

export interface ConvergeStatusFlags extends ConvergeNameFlags {
  readonly inventory: readonly string[];
  readonly extraVars: readonly string[];
  readonly output: 'text' | 'json';
}

export interface ConvergeManifestFlags extends ConvergeNameFlags {
  readonly inventory: readonly string[];
  readonly playbook: readonly string[];
  readonly extraVars: readonly string[];
  readonly image: string;
  readonly namespace: string;
  readonly claim: string;
  readonly secret: string;
}

const append = (value: string, before: readonly string[]): readonly string[] => [...before, value];

function addCommon(command: Command): Command {
  addInventoryOption(command.argument('<inventory>', 'inventory file or directory'));
  command.option('--name <name>', "the nightly run's name; default: that of the inventory");
  return addExtraVarsOption(command).option('--metrics <directory>', "write metrics into node_exporter's textfile directory");
}

function addRun(command: Command): Command {
  addCommon(command).argument('[playbooks...]', 'playbooks, in order; default: playbooks/site.yml beside the inventory');
  return command
    .option('--playbook <file>', 'a playbook to run (repeatable)', append, [])
    .addOption(new Option('-f, --forks <n>', 'hosts worked on at once').argParser(integer(1, 1000)).default(30))
    .addOption(new Option('--lock-wait <seconds>', 'how long to wait for another run on this inventory').argParser(integer(0, 86_400)).default(900))
    .option('--reports <directory>', 'keep a report, one HTML file a night, of nights on which there is something to say');
}

function runCommand(session: Session): Command {
  return addRun(new Command('run').description('one nightly run, as the timer calls it: check, then mend what the policy of the inventory (converge) lets be mended'))
    .option('--report-only', 'mend nothing, whatever the policy says')
    .addOption(new Option('--timeout <seconds>', 'after which converge watch takes it for hanging').argParser(integer(60, 86_400)).default(7200))
    .option('-D, --diff', 'show what changes inside files')
    .option('-v, --verbose', 'show every task and its result', (_value: string, before: number) => before + 1, 0)
    .action(async (inventory: string, playbooks: readonly string[], flags: ConvergeRunFlags) => {
      const { convergeRunAction } = await import('../converge/run.ts');
      session.status = await convergeRunAction(session.context, { inventory, playbooks, flags });
    });
}

function watchCommand(session: Session): Command {
  return addCommon(new Command('watch').description('look whether a run was missed, hangs or has died, and tell whom the inventory names, once of each; status 3 when it was so')).action(async (inventory: string, flags: ConvergeWatchFlags) => {
    const { convergeWatchAction } = await import('../converge/watch.ts');
    session.status = await convergeWatchAction(session.context, inventory, flags);
  });
}

function memory(text: string): string {
  if (!/^[1-9][0-9]*[KMGT]?$/.test(text)) throw new InvalidArgumentError('it must be as systemd has it: 2G.');
  return text;
}

function installCommand(session: Session): Command {
  return addRun(new Command('install').description('have systemd of this machine run it every night, watched: writes and starts the units of an inventory, by its policy'))
    .option('--user <user>', 'who runs it: its ssh key, known hosts and age key are used', 'root')
    .option('--environment-file <file>', 'variables for it (CARE_DATABASE_URL=…), a file that nobody else may read')
    .addOption(new Option('--memory-max <bytes>', 'what it may use at most').argParser(memory).default('2G'))
    .option('--writable <directory>', 'it may write there, too, as fetch does (repeatable)', append, [])
    .option('--no-sandbox', 'let it change this machine, too')
    .action(async (inventory: string, playbooks: readonly string[], flags: ConvergeInstallFlags) => {
      const { convergeInstallAction } = await import('../converge/install.ts');
      session.status = await convergeInstallAction(session.context, { inventory, playbooks, flags });
    });
}

function uninstallCommand(session: Session): Command {
  return new Command('uninstall')
    .description('take everything away again that install has brought')
    .argument('<inventory>', 'inventory file or directory')
    .option('--name <name>', "the nightly run's name; default: that of the inventory")
    .action(async (inventory: string, flags: ConvergeNameFlags) => {
      const { convergeUninstallAction } = await import('../converge/install.ts');
      session.status = await convergeUninstallAction(session.context, inventory, flags);
    });
}

function statusCommand(session: Session): Command {
  const command = new Command('status').description('the timer, the last run, the next, what drifted, the policy, at a glance; status 2 when something is left as it is, 3 when something is wrong').argument('<inventory>', 'inventory file or directory');
  addExtraVarsOption(addInventoryOption(command));
  return command
    .option('--name <name>', "the nightly run's name; default: that of the inventory")
    .addOption(new Option('--output <format>', 'text for people, json for programs').choices(['text', 'json']).default('text'))
    .action(async (inventory: string, flags: ConvergeStatusFlags) => {
      const { convergeStatusAction } = await import('../converge/status.ts');
      session.status = await convergeStatusAction(session.context, inventory, flags);
    });
}

function manifestCommand(session: Session): Command {
  const command = new Command('manifest').description('print Kubernetes CronJobs in place of units: one that runs, one that watches').argument('<inventory>', 'inventory file or directory').argument('[playbooks...]', 'playbooks, in order');
  addExtraVarsOption(addInventoryOption(command));
  return command
    .option('--playbook <file>', 'a playbook to run (repeatable)', append, [])
    .option('--name <name>', "the nightly run's name; default: that of the inventory")
    .requiredOption('--image <image>', 'the image with the program and this project, by digest')
    .option('--namespace <namespace>', 'where they are to be', 'care-provision')
    .option('--claim <name>', 'the PersistentVolumeClaim for its state', 'care-provision-state')
    .option('--secret <name>', 'the Secret with id (ssh key), known_hosts, identity.txt (age key) and variables.env', 'care-provision')
    .action(async (inventory: string, playbooks: readonly string[], flags: ConvergeManifestFlags) => {
      const { convergeManifestAction } = await import('../converge/manifest.ts');
      session.status = convergeManifestAction(session.context, { inventory, playbooks, flags });
    });
}

export function convergeCommand(session: Session): Command {
  const command = new Command('converge').description('every night: look, mend what may be mended unattended, tell people what changed and why');
  for (const make of [installCommand, statusCommand, uninstallCommand, runCommand, watchCommand, manifestCommand]) command.addCommand(make(session));
  return command;
}

/** Options that several commands share, so that one word has one meaning and one text. */
import { InvalidArgumentError, Option, type Command } from 'commander';

export type OutputFormat = 'text' | 'json' | 'junit';

/** What commander makes of {@link addRunOptions}; names as commander derives them from the flags. */
export interface RunFlags {
  readonly inventory: readonly string[];
  readonly playbook: readonly string[];
  readonly limit?: string;
  readonly tags: readonly string[];
  readonly skipTags: readonly string[];
  readonly forks: number;
  readonly extraVars: readonly string[];
  readonly check?: boolean;
  readonly diff?: boolean;
  readonly startAtTask?: string;
  readonly listHosts?: boolean;
  readonly listTasks?: boolean;
  readonly askBecomePass?: boolean;
  readonly lockWait: number;
  readonly requireHistory?: boolean;
  readonly out?: string;
  readonly acceptUnknown?: readonly string[];
  readonly workers?: number;
  readonly externalWorkers?: boolean;
  readonly output: OutputFormat;
  readonly outputFile?: string;
  readonly verbose: number;
  readonly report?: string;
  readonly metrics?: string;
  readonly notify?: boolean;
}

const append = (value: string, before: readonly string[]): readonly string[] => [...before, value];
const appendList = (value: string, before: readonly string[]): readonly string[] => [
  ...before,
  ...value.split(',').map((word) => word.trim()).filter((word) => word !== ''),
];

/** A whole number between two bounds. @throws InvalidArgumentError */
export function integer(least: number, most: number): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (!/^[0-9]+$/.test(value) || number < least || number > most) throw new InvalidArgumentError(`it must be a whole number from ${String(least)} to ${String(most)}.`);
    return number;
  };
}

/** `-i`, for inventories besides the one that is an argument. */
export function addInventoryOption(command: Command): Command {
  return command.option('-i, --inventory <path>', 'another inventory, merged after the first (repeatable)', append, []);
}

export function addExtraVarsOption(command: Command): Command {
  return command.option('-e, --extra-vars <vars>', 'variables that override all others: k=v, JSON, YAML or @file (repeatable)', append, []);
}

export function addOutputOptions(command: Command): Command {
  return command
    .addOption(new Option('--output <format>', 'text for people, json (JSON Lines) or junit (XML) for programs').choices(['text', 'json', 'junit']).default('text'))
    .option('--output-file <path>', 'write the json or junit output to a file; text goes on to the terminal');
}

export function addVerboseOption(command: Command): Command {
  return command.option('-v, --verbose', 'show every task and its result', (_value: string, before: number) => before + 1, 0);
}

/** Options about which hosts and how many at once. */
export function addHostOptions(command: Command): Command {
  return command
    .option('-l, --limit <pattern>', 'work on the hosts that match only: web*:&berlin:!web3')
    .addOption(new Option('-f, --forks <n>', 'hosts worked on at once').argParser(integer(1, 1000)).default(30))
    .option('-K, --ask-become-pass', 'ask for the sudo password on the terminal');
}

/** `--accept-unknown`, of a saved plan. */
export function addPlanOptions(command: Command): Command {
  return command.option('--accept-unknown <task>', 'with a plan: a task of which the plan could not tell may do what it finds (repeatable)', append, []);
}

/** Options of apply that deal a run out to workers. */
export function addWorkerOptions(command: Command): Command {
  return command
    .addOption(new Option('--workers <n>', 'deal the hosts out to so many processes, which share the run through the server of CARE_DATABASE_URL').argParser(integer(1, 64)))
    .option('--external-workers', 'with --workers: start none here, wait for those that are started elsewhere (care-provision worker)');
}

/** Options of apply, check and verify. */
export function addRunOptions(command: Command): Command {
  addInventoryOption(command);
  command.option('--playbook <file>', 'a playbook to run (repeatable); default: playbooks/site.yml beside the inventory', append, []);
  addHostOptions(command);
  command
    .option('-t, --tags <tags>', 'run tasks with these tags only (comma separated, repeatable)', appendList, [])
    .option('--skip-tags <tags>', 'leave tasks with these tags out', appendList, []);
  addExtraVarsOption(command);
  command
    .option('-D, --diff', 'show what changes inside files')
    .option('--start-at-task <name>', 'begin at the task with this name')
    .option('--list-hosts', 'print the hosts of each play and stop')
    .option('--list-tasks', 'print the tasks of each play and stop')
    .addOption(new Option('--lock-wait <seconds>', 'how long to wait for another run on this inventory').argParser(integer(0, 86_400)).default(0))
    .option('--require-history', 'do not begin when the run cannot be recorded; status 3 when its record is not whole');
  addOutputOptions(command);
  command
    .option('--report <file>', 'write a report for people, one HTML file: what changed, failed, is coming')
    .option('--metrics <file.prom>', "write metrics for node_exporter's textfile collector, at the start and at the end")
    .option('--notify', 'tell whom the inventory names in notify, by mail or webhook, when there is something to say');
  return addVerboseOption(command);
}

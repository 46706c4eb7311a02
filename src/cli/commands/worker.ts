/** `worker`: carries out a part of a run that another process coordinates. */
import { Command, Option } from 'commander';
import { addExtraVarsOption, addHostOptions, addInventoryOption, integer } from '../options.ts';
import type { Session } from '../session.ts';

export interface WorkerFlags {
  readonly run: string;
  readonly inventory: readonly string[];
  readonly playbook: readonly string[];
  readonly limit?: string;
  readonly forks: number;
  readonly tags: readonly string[];
  readonly skipTags: readonly string[];
  readonly extraVars: readonly string[];
  readonly check?: boolean;
  readonly diff?: boolean;
  readonly startAtTask?: string;
  readonly lockWait: number;
  readonly askBecomePass?: boolean;
  readonly manifest?: boolean;
  readonly image: string;
  readonly secret: string;
  readonly completions: number;
}

const append = (value: string, before: readonly string[]): readonly string[] => [...before, value];

export function workerCommand(session: Session): Command {
  const command = new Command('worker')
    .description('work at a run that apply --workers coordinates: takes shares of its hosts through the server of CARE_DATABASE_URL until all are through')
    .argument('<inventory>', 'that of the run')
    .argument('[playbooks...]', 'those of the run')
    .requiredOption('--run <id>', 'the run, as apply --workers says it')
    .option('-C, --check', 'the run is one of apply --check')
    .option('-D, --diff', 'tell what changes inside files');
  addInventoryOption(command).option('--playbook <file>', 'a playbook of the run (repeatable)', append, []);
  addHostOptions(command);
  command.option('-t, --tags <tags>', 'those of the run (repeatable)', append, []).option('--skip-tags <tags>', 'those of the run (repeatable)', append, []);
  addExtraVarsOption(command)
    .option('--start-at-task <name>', 'that of the run')
    .addOption(new Option('--lock-wait <seconds>', 'how long to wait for another run on a host').argParser(integer(0, 86_400)).default(0))
    .option('--manifest', 'print a Kubernetes Job (Indexed) that starts such workers, and end')
    .addOption(new Option('--image <name>', 'with --manifest: an image with this program and the project in its working directory').default('care-provision:latest'))
    .addOption(new Option('--secret <name>', 'with --manifest: the Secret whose keys become the environment, CARE_DATABASE_URL among them').default('care-provision'))
    .addOption(new Option('--completions <n>', 'with --manifest: how many workers').argParser(integer(1, 64)).default(2));
  return command.action(async (inventory: string, playbooks: readonly string[], flags: WorkerFlags) => {
    const { workerAction } = await import('../actions/worker.ts');
    session.status = await workerAction(session.context, { inventory, playbooks, flags });
  });
}

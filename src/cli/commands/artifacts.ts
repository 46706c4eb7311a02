import { Command, Option } from 'commander';
import { integer } from '../options.ts';
import type { Session } from '../session.ts';

/** Platforms that artifacts.yml knows; a test holds them to those of the catalogue. */
export const PLATFORM_NAMES = ['linux/amd64', 'linux/arm64', 'linux/arm', 'linux/386', 'linux/ppc64le', 'linux/riscv64', 'linux/s390x'] as const;

export interface ArtifactsFlags {
  readonly inventory: readonly string[];
  readonly output: 'text' | 'json';
}

export interface SelectionFlags extends ArtifactsFlags {
  readonly playbook: readonly string[];
  readonly platform: readonly (typeof PLATFORM_NAMES)[number][];
  readonly all?: boolean;
}

export interface FetchFlags extends SelectionFlags {
  readonly jobs: number;
}

export interface OutdatedFlags extends ArtifactsFlags {
  readonly offline?: boolean;
}

const append = (value: string, before: readonly string[]): readonly string[] => [...before, value];

function addCommon(command: Command): Command {
  return command
    .option('-i, --inventory <path>', 'an inventory, with its own artifacts.yml (repeatable)', append, [])
    .addOption(new Option('--output <format>', 'text for people, json for programs').choices(['text', 'json']).default('text'));
}

/** Which artefacts: those named, all, or what an inventory's playbooks will need. */
function addSelection(command: Command): Command {
  return addCommon(command)
    .option('--playbook <file>', 'with -i and no names: what this playbook needs (repeatable); default: playbooks/site.yml beside the inventory', append, [])
    .addOption(new Option('--platform <os/arch>', 'for this platform only (repeatable); default: all that have a checksum').choices(PLATFORM_NAMES).argParser((value: string, before: readonly string[]) => append(value, before)).default([]))
    .option('--all', 'all that artifacts.yml has');
}

/** `artifacts`: upstream files, their cache on this machine, bundles of them. */
export function artifactsCommand(session: Session): Command {
  const command = new Command('artifacts').description('upstream files that roles install: cache them, carry them to a site without internet');
  const actions = async (): Promise<typeof import('../actions/artifacts.ts')> => import('../actions/artifacts.ts');
  const names = '[names...]';
  const naming = 'etcd, or etcd@3.6.14';

  addCommon(command.command('list').description('list what artifacts.yml has: version, licence, end of life, whether it is in the cache').argument(names, naming))
    .action(async (wanted: readonly string[], flags: ArtifactsFlags) => {
      session.status = await (await actions()).artifactsList(session.context, wanted, flags);
    });
  addSelection(command.command('fetch').description('download, or build, into the cache; each is checked').argument(names, naming))
    .addOption(new Option('-j, --jobs <n>', 'downloads at once').argParser(integer(1, 32)).default(4))
    .action(async (wanted: readonly string[], flags: FetchFlags) => {
      session.status = await (await actions()).artifactsFetch(session.context, wanted, flags);
    });
  command
    .command('verify')
    .description('check every file of the cache; bad ones are removed')
    .addOption(new Option('--output <format>', 'text for people, json for programs').choices(['text', 'json']).default('text'))
    .action(async (flags: Pick<ArtifactsFlags, 'output'>) => {
      session.status = await (await actions()).artifactsVerify(session.context, flags);
    });
  addSelection(command.command('bundle').description('write artefacts of the cache into one file, for a controller without internet').argument('<file>', 'the bundle to write').argument(names, naming))
    .action(async (file: string, wanted: readonly string[], flags: SelectionFlags) => {
      session.status = await (await actions()).artifactsBundle(session.context, file, wanted, flags);
    });
  command
    .command('import')
    .description('take the files of a bundle into the cache; each is checked')
    .argument('<file>', 'the bundle')
    .addOption(new Option('--output <format>', 'text for people, json for programs').choices(['text', 'json']).default('text'))
    .action(async (file: string, flags: Pick<ArtifactsFlags, 'output'>) => {
      session.status = await (await actions()).artifactsImport(session.context, file, flags);
    });
  addCommon(command.command('outdated').description('ends of life, and newer versions as far as upstream can be asked').argument(names, naming))
    .option('--offline', 'ask nobody')
    .action(async (wanted: readonly string[], flags: OutdatedFlags) => {
      session.status = await (await actions()).artifactsOutdated(session.context, wanted, flags);
    });
  return command;
}

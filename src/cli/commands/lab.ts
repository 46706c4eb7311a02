/** `lab`: throw-away hosts to try things on. */
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { integer } from '../options.ts';
import type { DriverName, Release } from '../../lab/index.ts';
import type { Session } from '../session.ts';

export interface LabUpFlags {
  readonly name: string;
  readonly hosts?: number;
  readonly rtt?: number;
  readonly rebuild?: boolean;
  readonly driver?: DriverName;
  readonly wan?: string;
  readonly disks?: string;
  readonly memory?: number;
  readonly cpus?: number;
  readonly accel?: 'auto' | 'kvm' | 'tcg';
}

export interface LabBoxFlags {
  readonly output?: string;
  readonly rebuild?: boolean;
}

export const POWER_WORDS = ['on', 'off', 'shutdown', 'reset'] as const;
export type PowerWord = (typeof POWER_WORDS)[number];

/** `100ms`, `0.1s` or `100` as milliseconds. @throws InvalidArgumentError */
export function milliseconds(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s)?$/.exec(text);
  const value = Number(match?.[1]) * (match?.[2] === 's' ? 1000 : 1);
  if (match === null || value > 10_000) throw new InvalidArgumentError('it must be a time such as 100ms, at most 10s.');
  return value;
}

/** The command without the `--` before it, which commander passes on. */
export function commandWords(words: readonly string[]): readonly string[] {
  return words[0] === '--' ? words.slice(1) : words;
}

const NAME = (): Option => new Option('--name <lab>', 'which lab').default('care');

export function labCommand(session: Session): Command {
  const command = new Command('lab').description('stand-ins for bare-metal hosts on this machine: containers (needs Docker) or virtual machines (needs root and QEMU)').enablePositionalOptions();
  command
    .command('up')
    .description('bring the lab up, or repair it; writes inventory/lab/zz_generated.yml')
    .addOption(NAME())
    .addOption(new Option('--hosts <n>', 'number of hosts').argParser(integer(1, 200)))
    .addOption(new Option('--rtt <time>', "emulate this round-trip time to each host's sshd, e.g. 100ms").argParser(milliseconds))
    .addOption(new Option('--driver <bed>', 'containers, or virtual machines with a kernel of their own; as it is, or containers').choices(['container', 'vm'] satisfies DriverName[]))
    .addOption(new Option('--wan <way>', 'virtual machines: round-trip time and loss between sites, e.g. 80ms/0.1%'))
    .addOption(new Option('--disks <sizes>', 'virtual machines: extra disks of each host, e.g. 2x1G'))
    .addOption(new Option('--memory <MiB>', 'virtual machines: memory of each host').argParser(integer(128, 1_048_576)))
    .addOption(new Option('--cpus <n>', 'virtual machines: CPUs of each host').argParser(integer(1, 256)))
    .addOption(new Option('--accel <how>', 'virtual machines: what runs them; auto tries KVM').choices(['auto', 'kvm', 'tcg']))
    .option('--rebuild', 'build the images anew, for newer packages')
    .action(async (flags: LabUpFlags) => {
      const { labUpAction } = await import('../actions/lab.ts');
      session.status = await labUpAction(session.context, flags);
    });
  command
    .command('down')
    .description('remove the lab and all that belongs to it')
    .addOption(NAME())
    .option('--images', 'remove the images as well')
    .action(async (flags: { readonly name: string; readonly images?: boolean }) => {
      const { labDownAction } = await import('../actions/lab.ts');
      session.status = await labDownAction(session.context, flags);
    });
  command
    .command('status')
    .description('show the hosts of the lab')
    .addOption(NAME())
    .option('--json', 'as JSON')
    .action(async (flags: { readonly name: string; readonly json?: boolean }) => {
      const { labStatusAction } = await import('../actions/lab.ts');
      session.status = await labStatusAction(session.context, flags);
    });
  command
    .command('list')
    .description('show all labs of this machine')
    .action(async () => {
      const { labListAction } = await import('../actions/lab.ts');
      session.status = await labListAction(session.context);
    });
  command
    .command('power')
    .description('the power switch of a host: off cuts it, shutdown ends it in order')
    .argument('<host>', 'a host of the lab')
    .addArgument(new Argument('<what>', 'what to do').choices(POWER_WORDS))
    .addOption(NAME())
    .action(async (host: string, what: PowerWord, flags: { readonly name: string }) => {
      const { labPowerAction } = await import('../actions/lab.ts');
      session.status = await labPowerAction(session.context, host, what, flags.name);
    });
  command
    .command('snapshot')
    .description('keep the disks and memory of all hosts as they are now, to go back to (virtual machines); without a name, list what there is')
    .argument('[snapshot]', 'its name')
    .addOption(NAME())
    .action(async (snapshot: string | undefined, flags: { readonly name: string }) => {
      const { labSnapshotAction } = await import('../actions/lab.ts');
      session.status = await labSnapshotAction(session.context, snapshot, flags.name);
    });
  command
    .command('restore')
    .description('go back to a snapshot: what hosts have done since is gone (virtual machines)')
    .argument('<snapshot>', 'its name')
    .addOption(NAME())
    .action(async (snapshot: string, flags: { readonly name: string }) => {
      const { labRestoreAction } = await import('../actions/lab.ts');
      session.status = await labRestoreAction(session.context, snapshot, flags.name);
    });
  command
    .command('box')
    .description('make a Vagrant box (libvirt) of a Debian release from this machine\'s own mirror, for vagrant/ (needs root)')
    .addArgument(new Argument('[release]', 'Debian').choices(['trixie', 'bookworm'] satisfies Release[]).default('trixie'))
    .addOption(new Option('--output <directory>', 'where the box and its catalogue go; default: .care/boxes of the project'))
    .option('--rebuild', 'build it anew, for newer packages')
    .action(async (release: Release, flags: LabBoxFlags) => {
      const { labBoxAction } = await import('../actions/lab.ts');
      session.status = await labBoxAction(session.context, release, flags);
    });
  const into = (name: string, description: string): Command =>
    command.command(name).description(description).argument('<host>', 'a host of the lab').argument('[command...]', 'a command, after --').addOption(NAME()).passThroughOptions();
  into('ssh', "open a shell on a host, or run a command, as the lab's user over SSH").action(async (host: string, words: readonly string[], flags: { readonly name: string }) => {
    const { labSshAction } = await import('../actions/lab.ts');
    session.status = await labSshAction(session.context, host, commandWords(words), flags.name);
  });
  into('exec', 'run a command as root inside a host, not over SSH; for mending a lab').action(async (host: string, words: readonly string[], flags: { readonly name: string }) => {
    const { labExecAction } = await import('../actions/lab.ts');
    session.status = await labExecAction(session.context, host, commandWords(words), flags.name);
  });
  return command;
}

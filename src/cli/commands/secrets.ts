import { Command, Option } from 'commander';
import { integer } from '../options.ts';
import type { Session } from '../session.ts';

/** Kinds that `secrets generate` knows; a test holds them to those of the language. */
export const SECRET_KINDS = ['password', 'hex', 'base64', 'ssh-ed25519', 'uuid'] as const;

export interface GenerateFlags {
  readonly kind: (typeof SECRET_KINDS)[number];
  readonly length?: number;
  readonly file?: string;
}

/** `secrets`: values and files encrypted with age in the inventory. */
export function secretsCommand(session: Session): Command {
  const command = new Command('secrets').description('encrypted values and files of an inventory (age)');
  const sub = (name: string, description: string): Command => {
    const child = new Command(name).description(description);
    command.addCommand(child);
    return child;
  };
  const actions = async (): Promise<typeof import('../actions/secrets.ts')> => import('../actions/secrets.ts');

  sub('init', 'make a key for yourself where there is none, and add it to those that can read')
    .argument('<inventory>', 'inventory file or directory')
    .option('--name <name>', 'whose key it is, for the comment; default: you@this-machine')
    .action(async (inventory: string, flags: { readonly name?: string }) => {
      session.status = await (await actions()).secretsInit(session.context, inventory, flags.name);
    });
  sub('edit', 'edit an encrypted file, or one !secret value of a YAML file, in $EDITOR')
    .argument('<inventory>', 'inventory file or directory')
    .argument('<file>', 'the file; made when it is not there')
    .argument('[key]', 'keys of the value, joined by dots; without: the whole file')
    .action(async (inventory: string, file: string, key: string | undefined) => {
      session.status = await (await actions()).secretsEdit(session.context, inventory, file, key);
    });
  sub('encrypt', 'encrypt a file in place, or a value that is asked for or comes on stdin')
    .argument('<inventory>', 'inventory file or directory')
    .argument('[file]', 'the file; without: print a !secret value to paste')
    .option('--name <name>', 'print it as the value of this variable')
    .action(async (inventory: string, file: string | undefined, flags: { readonly name?: string }) => {
      session.status = await (await actions()).secretsEncrypt(session.context, inventory, file, flags.name);
    });
  sub('decrypt', 'print what a file holds, in the open')
    .argument('<file>', 'an encrypted file, or a YAML file with !secret values')
    .argument('[key]', 'keys of one value, joined by dots: print it alone')
    .action(async (file: string, key: string | undefined) => {
      session.status = (await actions()).secretsDecrypt(session.context, file, key);
    });
  sub('rotate', 'encrypt everything anew for those that may read now')
    .argument('<inventory>', 'inventory file or directory')
    .argument('[paths...]', 'further files and folders with secrets')
    .action(async (inventory: string, paths: readonly string[]) => {
      session.status = await (await actions()).secretsRotate(session.context, inventory, paths);
    });
  sub('generate', 'make a password or key once, and keep it encrypted in the inventory')
    .argument('<inventory>', 'inventory file or directory')
    .argument('<variable>', 'its name; one that exists is kept as it is')
    .addOption(new Option('--kind <kind>', 'what to make').choices(SECRET_KINDS).default('password'))
    .addOption(new Option('--length <n>', 'characters of a password, random bytes of hex and base64').argParser(integer(16, 1024)))
    .option('--file <path>', 'file in the inventory; default: group_vars/all/generated.yml')
    .action(async (inventory: string, variable: string, flags: GenerateFlags) => {
      session.status = await (await actions()).secretsGenerate(session.context, inventory, variable, flags);
    });
  return command;
}

/** What `secrets` does: the language's functions, with this terminal. */
import { hostname, userInfo } from 'node:os';
import { decryptAll, editSecret, encryptFile, encryptValue, generateSecret, initSecrets, rotateSecrets } from '../../language/secrets/index.ts';
import { badInput, Diagnostic, ExitStatus } from '../../support/diagnostic.ts';
import { suggestion } from '../../support/nearest.ts';
import { Secret } from '../../support/secret.ts';
import type { GenerateFlags } from '../commands/secrets.ts';
import type { CliContext } from '../context.ts';
import { plural } from '../reporters/counts.ts';
import { askOnTerminal } from '../terminal/prompt.ts';

/** Most bytes of a value on stdin. */
const LARGEST_VALUE = 1024 * 1024;

export async function secretsInit(context: CliContext, inventory: string, name: string | undefined): Promise<ExitStatus> {
  const result = await initSecrets(inventory, name ?? `${userInfo().username}@${hostname()}`);
  context.stdout.write(`${result.identityFile}: ${result.identityMade ? 'a new private key; keep a copy in a safe place' : 'your private key, as it was'}\n`);
  context.stdout.write(`${result.recipientsFile}: ${result.recipientAdded ? `${result.recipient} added` : 'has your key already'}\n`);
  if (result.recipientAdded && !result.identityMade) context.stdout.write('somebody who can read the secrets now runs: care-provision secrets rotate\n');
  return ExitStatus.ok;
}

export async function secretsEdit(context: CliContext, inventory: string, file: string, key: string | undefined): Promise<ExitStatus> {
  const saved = await editSecret(inventory, file, key);
  context.stdout.write(saved ? `${file}: saved, encrypted\n` : `${file}: nothing was changed\n`);
  return ExitStatus.ok;
}

/** Everything on stdin, without one final newline. @throws Diagnostic when it is longer than a mebibyte */
export async function valueFrom(input: AsyncIterable<Buffer | string>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of input) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > LARGEST_VALUE) throw badInput('value-too-large', 'the value on stdin is larger than 1 MiB', { remedy: 'put it in a file: care-provision secrets encrypt INVENTORY FILE' });
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8').replace(/\n$/, '');
}

async function askTwice(): Promise<string> {
  const first = await askOnTerminal('value', true);
  if ((await askOnTerminal('the same again', true)) !== first) throw new Diagnostic({ kind: 'usage', code: 'values-differ', summary: 'the two values differ; nothing was encrypted' });
  return first;
}

export async function secretsEncrypt(context: CliContext, inventory: string, file: string | undefined, name: string | undefined): Promise<ExitStatus> {
  if (file !== undefined) {
    await encryptFile(inventory, file);
    context.stdout.write(`${file}: encrypted\n`);
    return ExitStatus.ok;
  }
  const value = context.interactive ? await askTwice() : await valueFrom(process.stdin);
  if (value === '') throw new Diagnostic({ kind: 'usage', code: 'empty-value', summary: 'there is no value to encrypt', remedy: 'type one, or give it on stdin' });
  const block = (await encryptValue(inventory, new Secret(value))).replace(/\n?$/, '\n');
  context.stdout.write(name === undefined ? block : `${name}: ${block}`);
  return ExitStatus.ok;
}

/** The one command whose work is to show secrets. @throws Diagnostic `unknown-secret` */
export function secretsDecrypt(context: CliContext, file: string, key: string | undefined): ExitStatus {
  const values = decryptAll(file);
  if (key !== undefined) {
    const found = values.find((each) => each.path === key);
    if (found === undefined) throw badInput('unknown-secret', `${file} has no !secret ${key}`, { remedy: suggestion(key, values.map((each) => each.path)) });
    context.stdout.reveal(found.value);
    context.stdout.write('\n');
    return ExitStatus.ok;
  }
  for (const { path, value } of values) {
    if (path === '') context.stdout.reveal(value);
    else {
      context.stdout.write(`${path}: `);
      context.stdout.reveal(new Secret(JSON.stringify(value.reveal())));
      context.stdout.write('\n');
    }
  }
  if (values.length === 0) context.stderr.write(`${file} holds no secrets\n`);
  return ExitStatus.ok;
}

export async function secretsRotate(context: CliContext, inventory: string, more: readonly string[]): Promise<ExitStatus> {
  const { files } = await rotateSecrets(inventory, more);
  for (const file of files) context.stdout.write(`${file.path}: ${plural(file.values, 'value')}\n`);
  context.stdout.write(`${plural(files.length, 'file')} encrypted anew\n`);
  return ExitStatus.ok;
}

export async function secretsGenerate(context: CliContext, inventory: string, variable: string, flags: GenerateFlags): Promise<ExitStatus> {
  const { file, made } = await generateSecret(inventory, {
    name: variable,
    kind: flags.kind,
    ...(flags.length === undefined ? {} : { length: flags.length }),
    ...(flags.file === undefined ? {} : { file: flags.file }),
  });
  context.stdout.write(made ? `${file}: ${variable} made\n` : `${file}: ${variable} is there already and stays\n`);
  return ExitStatus.ok;
}

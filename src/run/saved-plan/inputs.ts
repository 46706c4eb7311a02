/** What a run has read, so that another one can tell whether it would read the same. */
import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import path from 'node:path';
import { packageRoot } from '../../support/package-root.ts';
import { digest } from '../gate.ts';

/** Never read by a run. */
const LEFT_OUT = new Set(['.git', 'node_modules']);

/** Variables beside an inventory file. */
const BESIDE = ['group_vars', 'host_vars'];

function filesUnder(file: string): string[] {
  const found = lstatSync(file, { throwIfNoEntry: false });
  if (found === undefined) return [];
  if (!found.isDirectory()) return [file];
  return readdirSync(file).sort().flatMap((name) => (LEFT_OUT.has(name) ? [] : filesUnder(path.join(file, name))));
}

/** From the folder that the command runs in; the program's own files by a word of their own, wherever it is installed. */
export function inputName(file: string, cwd = process.cwd()): string {
  const fromHere = path.relative(cwd, file);
  if (!fromHere.startsWith('..') && !path.isAbsolute(fromHere)) return fromHere;
  const fromProgram = path.relative(packageRoot(), file);
  return fromProgram.startsWith('..') ? file : `(program)/${fromProgram}`;
}

function pathOf(name: string, cwd: string): string {
  return name.startsWith('(program)/') ? path.join(packageRoot(), name.slice('(program)/'.length)) : path.resolve(cwd, name);
}

function digestOfFile(file: string): string | undefined {
  const found = lstatSync(file, { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  // What a link leads to is what is read; of one that leads nowhere, or to a folder, only where.
  if (found.isSymbolicLink() && statSync(file, { throwIfNoEntry: false })?.isFile() !== true) return digest(`link ${readlinkSync(file)}`);
  return found.isFile() || found.isSymbolicLink() ? digest(readFileSync(file)) : undefined;
}

/** Notes which files and folders a run has read. */
export class InputNotes {
  readonly #paths = new Set<string>();

  /** A file, or a folder of which all is an input. */
  readonly note = (file: string): void => {
    this.#paths.add(path.resolve(file));
  };

  /** An inventory is read with what stands beside it. */
  inventory(source: string): void {
    this.note(source);
    const found = statSync(source, { throwIfNoEntry: false });
    if (found?.isFile() === true) for (const name of BESIDE) this.note(path.join(path.dirname(source), name));
  }

  /** Digests of all of it, by name. */
  digests(cwd = process.cwd()): Record<string, string> {
    const files = new Set([...this.#paths].flatMap(filesUnder));
    return Object.fromEntries([...files].sort().flatMap((file) => {
      const sum = digestOfFile(file);
      return sum === undefined ? [] : [[inputName(file, cwd), sum]];
    }));
  }
}

/** What has become of the inputs: `changed`, `gone`, or `new`. */
export interface MovedInput {
  readonly name: string;
  readonly how: 'changed' | 'gone' | 'new';
}

/** Looks at the files again, without a run: what of them is not what it was. */
export function movedInputs(inputs: Readonly<Record<string, string>>, cwd = process.cwd()): readonly MovedInput[] {
  return Object.entries(inputs).flatMap(([name, sum]) => {
    const now = digestOfFile(pathOf(name, cwd));
    return now === sum ? [] : [{ name, how: now === undefined ? 'gone' as const : 'changed' as const }];
  });
}

/** What a later run has read besides. */
export function newInputs(before: Readonly<Record<string, string>>, now: Readonly<Record<string, string>>): readonly MovedInput[] {
  return Object.keys(now).flatMap((name) => (name in before ? [] : [{ name, how: 'new' as const }]));
}

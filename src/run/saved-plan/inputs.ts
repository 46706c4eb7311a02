/** What a run has read, so that another one can tell whether it would read the same. */
import { lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { artifactsFiles } from '../../language/artifact-catalogue.ts';
import { packageRoot } from '../../support/package-root.ts';
import { digest } from '../gate.ts';

/** Never read by a run. */
const LEFT_OUT = new Set(['.git', 'node_modules']);

/** Variables beside an inventory file. */
const BESIDE = ['group_vars', 'host_vars'];

/**
 * All files at or below a path. Links to folders are followed, as those who read them follow them.
 * @param above the folders that led here, by their real paths: a link back up ends there
 */
function filesUnder(file: string, above: readonly string[] = []): string[] {
  const found = lstatSync(file, { throwIfNoEntry: false });
  if (found === undefined) return [];
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory() !== true) return [file];
  const real = realpathSync(file);
  if (above.includes(real)) return [file];
  return readdirSync(file).sort().flatMap((name) => (LEFT_OUT.has(name) ? [] : filesUnder(path.join(file, name), [...above, real])));
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

/** Notes which files and folders a run reads, and what they hold when it is about to. */
export class InputNotes {
  readonly #paths = new Set<string>();
  /** As they were when they were first noted. */
  readonly #first = new Map<string, string>();

  /** To be called before it is read. A file, or a folder of which all is an input. */
  readonly note = (file: string): void => {
    const full = path.resolve(file);
    if (this.#paths.has(full)) return;
    this.#paths.add(full);
    for (const each of filesUnder(full)) {
      const sum = this.#first.has(each) ? undefined : digestOfFile(each);
      if (sum !== undefined) this.#first.set(each, sum);
    }
  };

  /** An inventory is read with what stands beside it. */
  inventory(source: string): void {
    this.note(source);
    artifactsFiles([source]).filter((file) => path.dirname(file) !== packageRoot()).forEach(this.note);
    const found = statSync(source, { throwIfNoEntry: false });
    if (found?.isFile() === true) this.beside(path.dirname(source));
  }

  /** Variables beside an inventory file, or beside the first playbook. */
  beside(directory: string): void {
    for (const name of BESIDE) this.note(path.join(directory, name));
  }

  /** Digests of all of it, by name. */
  digests(cwd = process.cwd()): Record<string, string> {
    return Object.fromEntries([...this.#first].map(([file, sum]) => [inputName(file, cwd), sum] as const).sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** What is not as it was when it was noted: of a run that went on meanwhile nobody knows which of the two it has read. */
  moved(cwd = process.cwd()): readonly MovedInput[] {
    const fresh = [...new Set([...this.#paths].flatMap((each) => filesUnder(each)))].filter((file) => !this.#first.has(file) && digestOfFile(file) !== undefined);
    return [...movedInputs(this.digests(cwd), cwd), ...fresh.map((file): MovedInput => ({ name: inputName(file, cwd), how: 'new' }))];
  }
}

/** Holds the files that a run uses against what a plan says of them, each time right before they are read. */
export class InputGuard {
  readonly #inputs: Readonly<Record<string, string>>;
  readonly #refuse: (moved: readonly MovedInput[]) => Error;
  /** Files found to be right, by their inode, size and times: they need not be read each time. */
  readonly #right = new Map<string, string>();

  constructor(inputs: Readonly<Record<string, string>>, refuse: (moved: readonly MovedInput[]) => Error) {
    this.#inputs = inputs;
    this.#refuse = refuse;
  }

  /** @throws Error what `refuse` makes, when something that the plan knows is other. What it does not know only tasks use that it could not tell of. */
  readonly check = (file: string): void => {
    const moved = filesUnder(path.resolve(file)).filter((each) => !this.#isRight(each)).map((each): MovedInput => ({ name: inputName(each), how: 'changed' }));
    if (moved.length > 0) throw this.#refuse(moved);
  };

  #isRight(file: string): boolean {
    const wanted = this.#inputs[inputName(file)];
    if (wanted === undefined) return true;
    const found = statSync(file, { throwIfNoEntry: false });
    const state = found === undefined ? '' : [found.ino, found.size, found.mtimeMs, found.ctimeMs].join(' ');
    if (state !== '' && this.#right.get(file) === state) return true;
    if (digestOfFile(file) !== wanted) return false;
    this.#right.set(file, state);
    return true;
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

/** What a later run has read otherwise. */
export function changedInputs(before: Readonly<Record<string, string>>, now: Readonly<Record<string, string>>): readonly MovedInput[] {
  return Object.entries(now).flatMap(([name, sum]) => (name in before && before[name] !== sum ? [{ name, how: 'changed' as const }] : []));
}

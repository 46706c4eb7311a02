/**
 * Errors are part of the product: what happened, where, why, and what to do about it. Everything
 * that a person may have to read is thrown as a {@link Diagnostic}; any other error reaching the
 * command line is a defect of this program and is reported as one.
 */
import { codeFrame, formatPlace, type Span } from './source.ts';

/** Exit statuses of the command line; `docs/exit-statuses.md` explains each. */
export const ExitStatus = {
  ok: 0,
  internal: 1,
  drift: 2,
  failed: 3,
  unreachable: 4,
  notNotified: 5,
  usage: 64,
  badInput: 65,
  locked: 75,
  interrupted: 130,
} as const;
export type ExitStatus = (typeof ExitStatus)[keyof typeof ExitStatus];

/** What kind of trouble: decides the exit status and how the run goes on. */
export type DiagnosticKind = 'bad-input' | 'usage' | 'unreachable' | 'failed' | 'locked' | 'interrupted';

export interface DiagnosticInit {
  readonly kind: DiagnosticKind;
  /** Stable kebab-case word, one per kind of trouble, for tests and searches: `unknown-module`. */
  readonly code: string;
  /** One sentence: what is wrong. */
  readonly summary: string;
  /** Why, or what was expected. */
  readonly detail?: string | undefined;
  readonly span?: Span | undefined;
  /** What to do. */
  readonly remedy?: string | undefined;
  readonly cause?: unknown;
}

const STATUS: Readonly<Record<DiagnosticKind, ExitStatus>> = {
  'bad-input': ExitStatus.badInput,
  usage: ExitStatus.usage,
  unreachable: ExitStatus.unreachable,
  failed: ExitStatus.failed,
  locked: ExitStatus.locked,
  interrupted: ExitStatus.interrupted,
};

/** An error meant for people. `message` is the summary; {@link format} gives the whole. */
export class Diagnostic extends Error {
  override readonly name = 'Diagnostic';
  readonly kind: DiagnosticKind;
  readonly code: string;
  readonly detail: string | undefined;
  readonly span: Span | undefined;
  readonly remedy: string | undefined;

  constructor(init: DiagnosticInit) {
    super(init.summary, init.cause === undefined ? undefined : { cause: init.cause });
    this.kind = init.kind;
    this.code = init.code;
    this.detail = init.detail;
    this.span = init.span;
    this.remedy = init.remedy;
  }

  get exitStatus(): ExitStatus {
    return STATUS[this.kind];
  }

  /** Place, summary, code frame, detail and remedy, a few lines without a final newline. */
  format(): string {
    const parts: string[] = [];
    parts.push(this.span === undefined ? this.message : `${formatPlace(this.span)}: ${this.message}`);
    if (this.span !== undefined) parts.push(codeFrame(this.span));
    if (this.detail !== undefined) parts.push(this.detail);
    if (this.remedy !== undefined) parts.push(asSentence(this.remedy));
    return parts.join('\n');
  }
}

/** A remedy as a line of its own; a question or a list of names needs no introduction. */
function asSentence(remedy: string): string {
  return /^(did you mean|known are)\b/.test(remedy) ? `${remedy.charAt(0).toUpperCase()}${remedy.slice(1)}` : `To do: ${remedy}`;
}

/** Several independent errors of one input, reported together. `list` is never empty. */
export class DiagnosticList extends Error {
  override readonly name = 'DiagnosticList';
  readonly list: readonly [Diagnostic, ...Diagnostic[]];

  constructor(list: readonly [Diagnostic, ...Diagnostic[]]) {
    super(list.map((d) => d.message).join('; '));
    this.list = list;
  }
}

/** Shorthand for the commonest kind: input that is refused before any host is touched. */
export function badInput(code: string, summary: string, more: Omit<DiagnosticInit, 'kind' | 'code' | 'summary'> = {}): Diagnostic {
  return new Diagnostic({ kind: 'bad-input', code, summary, ...more });
}

/** Shorthand for something that did not work on a host. */
export function failure(code: string, summary: string, more: Omit<DiagnosticInit, 'kind' | 'code' | 'summary'> = {}): Diagnostic {
  return new Diagnostic({ kind: 'failed', code, summary, ...more });
}

/** For the impossible case of a switch: the type checker proves that it is not reached. */
export function unreachableCase(value: never): never {
  throw new Error(`unhandled case ${JSON.stringify(value)}`);
}

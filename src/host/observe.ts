/** Asks many queries in one script and reads the answers. */
import { randomBytes } from 'node:crypto';
import { failure } from '../support/diagnostic.ts';
import { maskSecrets } from '../support/secret.ts';
import { rawScript, type Script } from '../support/shell.ts';
import type { ErasedKind, ErasedShellKind, ProbeOutput, Question } from './query.ts';

/** Questions of one kind, which are asked together. */
export interface KindGroup<Kind extends ErasedKind> {
  readonly kind: Kind;
  readonly queries: readonly Question<Kind>[];
}
type ShellGroup = KindGroup<ErasedShellKind>;

/** A read-only script for some queries, and how to read what it printed. */
export interface Probe {
  readonly script: Script;
  /** @throws Diagnostic when the answer makes no sense */
  read(host: string, stdout: Buffer): ReadonlyMap<string, unknown>;
}

/** Each question once, by its kind, in order. */
export function groupByKind<Kind extends ErasedKind>(queries: readonly Question<Kind>[]): readonly KindGroup<Kind>[] {
  const groups = new Map<Kind, Map<string, Question<Kind>>>();
  for (const query of queries) {
    const group = groups.get(query.kind) ?? new Map<string, Question<Kind>>();
    group.set(query.id, query);
    groups.set(query.kind, group);
  }
  return [...groups].map(([kind, byId]) => ({ kind, queries: [...byId.values()] }));
}

/** Bytes that an observation may print; far above any real one. */
export const PROBE_OUTPUT_LIMIT = 32 * 1024 * 1024;

/**
 * Makes one script for all queries: a subshell a kind, their outputs told apart by a random nonce.
 * The newline before each nonce belongs to the mark, so outputs are byte-exact.
 */
export function makeProbe(queries: readonly Question<ErasedShellKind>[], nonce = randomBytes(12).toString('hex')): Probe {
  const groups = groupByKind(queries);
  const parts = groups.map(({ kind, queries: qs }, i) => {
    const body = kind.probe(qs.map((q) => q.key));
    return `printf '\\n%s' ${nonce}K${String(i)}.\n(\n${body}\n)`;
  });
  const prelude = `LC_ALL=C\nexport LC_ALL\ncare_mark() { printf '\\n%s' ${nonce}M.; }`;
  const script = rawScript([prelude, ...parts, `printf '\\n%s' ${nonce}E.`, ':'].join('\n'));
  return { script, read: (host, stdout) => readAnswers(host, groups, nonce, stdout) };
}

function readAnswers(host: string, groups: readonly ShellGroup[], nonce: string, stdout: Buffer): ReadonlyMap<string, unknown> {
  const pieces = split(stdout, Buffer.from(`\n${nonce}`));
  const outputs: { head: Buffer; sections: Buffer[] }[] = [];
  let ended = false;
  for (const piece of pieces.slice(1)) {
    const dot = piece.indexOf('.');
    const tag = piece.subarray(0, dot).toString('latin1');
    const data = piece.subarray(dot + 1);
    if (tag.startsWith('K')) outputs.push({ head: data, sections: [] });
    else if (tag === 'M') outputs.at(-1)?.sections.push(data);
    else if (tag === 'E') ended = true;
  }
  const facts = new Map<string, unknown>();
  groups.forEach((group, i) => {
    const output = outputs[i];
    if (output === undefined || !ended) throw nonsense(host, group, stdout, 'the answer is cut off');
    const values = parseGroup(host, group, output);
    group.queries.forEach((query, j) => facts.set(query.id, values[j]));
  });
  return facts;
}

function parseGroup(host: string, group: ShellGroup, output: ProbeOutput): readonly unknown[] {
  let values: readonly unknown[];
  try {
    values = group.kind.parse(group.queries.map((q) => q.key), output);
  } catch (error) {
    throw nonsense(host, group, output.head, error instanceof Error ? error.message : String(error), error);
  }
  if (values.length !== group.queries.length) throw nonsense(host, group, output.head, `${String(values.length)} answers to ${String(group.queries.length)} questions`);
  return values;
}

function nonsense(host: string, group: ShellGroup, output: Buffer, why: string, cause?: unknown): Error {
  const names = group.queries.slice(0, 3).map((q) => q.kind.describe(q.key)).join(', ');
  return failure('observation-failed', `${host}: cannot read the state of ${names}: ${why}`, {
    detail: `the host answered: ${JSON.stringify(maskSecrets(output.subarray(0, 400).toString('utf8')))}`,
    cause,
  });
}

function split(buffer: Buffer, separator: Buffer): readonly Buffer[] {
  const out: Buffer[] = [];
  let from = 0;
  for (;;) {
    const at = buffer.indexOf(separator, from);
    if (at === -1) {
      out.push(buffer.subarray(from));
      return out;
    }
    out.push(buffer.subarray(from, at));
    from = at + separator.length;
  }
}

/** Finds the helper of a call and checks the number of its arguments: both before a run and when a template is rendered. */
import { suggestion } from '../../support/nearest.ts';
import { EncryptedValue } from '../encrypted.ts';
import { offsetOf, spanWithin, type PositionedText } from '../positioned-text.ts';
import type { CallParts, PathNode } from './ast.ts';
import { HELPERS } from './helpers/index.ts';
import type { Helper, ReferenceHelper } from './helpers/types.ts';
import { explainCall } from './lookalikes.ts';
import { templateProblem } from './problems.ts';

/** @throws Diagnostic that points at the call: no such helper (with the nearest name), too few or too many arguments */
export function calledHelper(source: PositionedText, node: CallParts, path: PathNode): Helper {
  const name = path.parts[0] ?? path.original;
  const helper = path.parts.length === 1 && !path.data && path.depth === 0 ? HELPERS.get(name) : undefined;
  if (helper === undefined) {
    const hint = explainCall(path.original, argumentNames(node));
    throw templateProblem(source, path.loc, 'unknown-helper', hint?.summary ?? `there is no helper ${path.original}`, { remedy: hint?.remedy ?? suggestion(name, HELPERS.keys()) ?? 'docs/templates.md lists the helpers' });
  }
  checkArguments(source, node, helper);
  if (helper.kind === 'reference') referenceIn(source, node, helper);
  return helper;
}

/** The value elsewhere that a call means. @throws Diagnostic when its argument is not written out, or is none */
export function referenceIn(source: PositionedText, node: CallParts, helper: ReferenceHelper): EncryptedValue {
  const [argument] = node.params;
  if (argument?.type !== 'StringLiteral') throw templateProblem(source, node.loc, 'helper-arguments', `the argument of ${helper.name} must be written out as text`, { detail: 'the value is asked for before the run begins, when no variable is known yet', remedy: `write: ${helper.usage}; which of several is meant can be chosen around it: {{ ternary condition (${helper.name} "…") (${helper.name} "…") }}` });
  const reference = helper.reference(argument.value);
  if (reference === undefined) throw templateProblem(source, argument.loc, 'bad-vault-reference', 'this is no reference to a value in a vault', { detail: 'its form is PATH#KEY, the path as the API has it', remedy: 'write for example: {{ vault "secret/data/care/db#password" }}' });
  const start = offsetOf(source.text, node.loc.start.line, node.loc.start.column);
  const span = spanWithin(source, start, offsetOf(source.text, node.loc.end.line, node.loc.end.column)) ?? { file: { path: '', text: source.text }, start, end: start };
  return new EncryptedValue(reference, span);
}

function checkArguments(source: PositionedText, node: CallParts, helper: Helper): void {
  const count = node.params.length;
  if (count < helper.min || count > helper.max) {
    const wanted = helper.min === helper.max ? String(helper.min) : helper.max === Infinity ? `${String(helper.min)} or more` : `${String(helper.min)} to ${String(helper.max)}`;
    throw templateProblem(source, node.loc, 'helper-arguments', `${helper.name} takes ${wanted} arguments, not ${String(count)}`, { remedy: `write: ${helper.usage}` });
  }
  for (const pair of node.hash?.pairs ?? []) {
    if (helper.options?.includes(pair.key) === true) continue;
    throw templateProblem(source, pair.loc, 'helper-arguments', `${helper.name} has no option ${pair.key}`, { remedy: suggestion(pair.key, helper.options ?? []) ?? `write: ${helper.usage}` });
  }
}

/** The arguments that are names, '' for others: words such as `if` and `in` betray another language. */
export function argumentNames(node: CallParts): string[] {
  return node.params.map((p) => (p.type === 'PathExpression' ? p.original : ''));
}

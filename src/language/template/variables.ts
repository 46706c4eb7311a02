/** Which variables a template uses, for checks before any host is touched. */
import type { SourceFile, Span } from '../../support/source.ts';
import type { EncryptedValue } from '../encrypted.ts';
import { offsetOf, spanWithin, type PositionedText } from '../positioned-text.ts';
import type { CallParts, ExpressionNode, PathNode, ProgramNode } from './ast.ts';
import { calledHelper, referenceIn } from './called-helper.ts';
import { BLOCKS, HELPERS } from './helpers/index.ts';
import { parseTemplate } from './parse.ts';

export interface VariableUse {
  readonly name: string;
  /** Where it stands. Worked out when asked: nobody asks unless there is something to say of it. */
  readonly place: () => Span | undefined;
  /** False under `default` and `defined`, which allow for its absence. */
  readonly required: boolean;
}

/** Root names of the variables that a text uses, each once, sorted. @throws Diagnostic when it is no template */
export function templateVariables(text: string): readonly string[] {
  return [...new Set(variableUses({ text, span: undefined }).map((use) => use.name))].sort();
}

/** Every use of a variable of the top in a template, in order. @throws Diagnostic for a helper that there is not, or wrong numbers of arguments */
export function variableUses(source: PositionedText): readonly VariableUse[] {
  return new Collector(source).program(parseTemplate(source), { root: true, names: new Set(), required: true });
}

/** The same for a template file. */
export function fileVariableUses(file: SourceFile): readonly VariableUse[] {
  return variableUses({ text: file.text, span: { file, start: 0, end: file.text.length } });
}

/** Values elsewhere (helper `vault`) that a template refers to. @throws Diagnostic as {@link variableUses} */
export function templateReferences(source: PositionedText): readonly EncryptedValue[] {
  const collector = new Collector(source);
  collector.program(parseTemplate(source), { root: true, names: new Set(), required: true });
  return collector.references;
}

interface Where {
  /** Whether plain names mean variables; inside `{{#each}}` and `{{#with}}` they mean parts of the context. */
  readonly root: boolean;
  readonly names: ReadonlySet<string>;
  readonly required: boolean;
}

class Collector {
  readonly #source: PositionedText;
  readonly #uses: VariableUse[] = [];
  readonly references: EncryptedValue[] = [];

  constructor(source: PositionedText) {
    this.#source = source;
  }

  program(program: ProgramNode, where: Where): readonly VariableUse[] {
    for (const node of program.body) {
      if (node.type === 'MustacheStatement') {
        if (node.params.length === 0 && node.hash === undefined) this.#expression(node.path, where);
        else this.#call(node, where);
      } else if (node.type === 'BlockStatement' && node.openStrip.open !== undefined) {
        const name = node.path.type === 'PathExpression' ? node.path.original : '';
        for (const param of node.params) this.#expression(param, where);
        const changes = name === 'each' || name === 'with' || !BLOCKS.some((b) => b === name);
        const inner = changes ? { ...where, root: false, names: new Set([...where.names, ...(node.program?.blockParams ?? [])]) } : where;
        if (node.program !== undefined) this.program(node.program, inner);
        if (node.inverse !== undefined) this.program(node.inverse, where);
      }
    }
    return this.#uses;
  }

  #call(node: CallParts, where: Where): void {
    const name = node.path.type === 'PathExpression' ? node.path.original : '';
    const helper = node.path.type === 'PathExpression' ? calledHelper(this.#source, node, node.path) : undefined;
    if (helper?.kind === 'reference') this.references.push(referenceIn(this.#source, node, helper));
    const forgiving = HELPERS.get(name)?.kind === 'lazy' && (name === 'default' || name === 'defined');
    node.params.forEach((param, i) => {
      this.#expression(param, forgiving && i === 0 ? { ...where, required: false } : where);
    });
    for (const pair of node.hash?.pairs ?? []) this.#expression(pair.value, where);
  }

  #expression(node: ExpressionNode, where: Where): void {
    if (node.type === 'SubExpression') this.#call(node, where);
    if (node.type === 'PathExpression') this.#path(node, where);
  }

  #path(node: PathNode, where: Where): void {
    const [first, second] = node.parts;
    if (node.data) {
      if (first === 'root' && second !== undefined) this.#note(second, node, where);
      return;
    }
    // Names reached by `../` may be of the top or of a block in between: only what is certain is reported.
    if (first === undefined || node.depth > 0 || !where.root || where.names.has(first)) return;
    this.#note(first, node, where);
  }

  #note(name: string, node: PathNode, where: Where): void {
    const source = this.#source;
    const place = (): Span | undefined => spanWithin(source, offsetOf(source.text, node.loc.start.line, node.loc.start.column), offsetOf(source.text, node.loc.end.line, node.loc.end.column));
    this.#uses.push({ name, place, required: where.required });
  }
}

/**
 * Renders a parsed template. The syntax tree is walked here rather than compiled by Handlebars, because
 * only so can every undefined name be an error with its place, values keep their types, and secrets
 * stay secrets; a test compares the result with Handlebars' own on templates that both accept.
 */
import { Diagnostic } from '../../support/diagnostic.ts';
import { Secret } from '../../support/secret.ts';
import { suggestion } from '../../support/nearest.ts';
import { isList, isMap, typeName, type Value, type ValueMap } from '../../support/value.ts';
import { asValue } from '../encrypted.ts';
import { keysInFileOrder } from '../positions.ts';
import type { PositionedText } from '../positioned-text.ts';
import type { Scope } from '../scope-types.ts';
import type { BlockNode, CallParts, ExpressionNode, MustacheNode, PathNode, ProgramNode, StatementNode } from './ast.ts';
import { innerFrame, RootContext, rootFrame, type Context, type Frame } from './frame.ts';
import { argumentNames, calledHelper, referenceIn } from './called-helper.ts';
import { BLOCKS, HELPERS } from './helpers/index.ts';
import { explainCall } from './lookalikes.ts';
import type { LazyArgument, PlainHelper } from './helpers/types.ts';
import { lookUp } from './paths.ts';
import { HelperProblem, templateProblem } from './problems.ts';
import { settle } from './settle.ts';
import { concealAll, joinPieces, revealAll } from './taint.ts';
import { truth } from './truth.ts';

type Pieces = (string | Secret)[];

export class Evaluation {
  readonly #source: PositionedText;
  readonly #scope: Scope;

  constructor(source: PositionedText, scope: Scope) {
    this.#source = source;
    this.#scope = scope;
  }

  /** The whole template as text. */
  text(program: ProgramNode): string | Secret {
    const pieces: Pieces = [];
    this.#body(program.body, rootFrame(this.#scope), pieces);
    return joinPieces(pieces);
  }

  /** The value of a template that is one expression. */
  native(node: MustacheNode): Value {
    return this.#mustache(node, rootFrame(this.#scope));
  }

  #body(body: readonly StatementNode[], frame: Frame, out: Pieces): void {
    for (const node of body) {
      switch (node.type) {
        case 'ContentStatement':
          out.push(node.value);
          break;
        case 'CommentStatement':
          break;
        case 'MustacheStatement':
          out.push(this.#print(node, this.#mustache(node, frame)));
          break;
        case 'BlockStatement':
          this.#block(node, frame, out);
          break;
        case 'PartialStatement':
        case 'PartialBlockStatement':
          throw templateProblem(this.#source, node.loc, 'template-partial', 'partials ({{> name}}) are not part of the templates here', { remedy: 'write the text where it belongs, or use a second template' });
        case 'Decorator':
        case 'DecoratorBlock':
          throw templateProblem(this.#source, node.loc, 'template-decorator', 'decorators ({{* name}}) are not part of the templates here');
      }
    }
  }

  #print(node: MustacheNode, value: Value): string | Secret {
    if (typeof value === 'string' || value instanceof Secret) return value;
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    if (value === null) {
      throw templateProblem(this.#source, node.loc, 'unprintable-value', 'the value is null, which has no text', { remedy: 'give it a value, or write {{ default x "…" }}, or {{#if x}} … {{/if}} around it' });
    }
    throw templateProblem(this.#source, node.loc, 'unprintable-value', `the value is ${typeName(value)}, which has no one text`, {
      detail: 'a value that is nothing but one {{ … }} keeps its type; here there is something around it, if only a line break',
      remedy: 'write {{ to_json x }}, {{ to_yaml x }}, {{ join x ", " }} or {{#each x}}; in YAML use >- or quotes in place of |',
    });
  }

  #mustache(node: MustacheNode, frame: Frame): Value {
    if (node.path.type !== 'PathExpression') {
      if (node.params.length === 0 && node.hash === undefined) return this.#expression(node.path, frame);
      throw templateProblem(this.#source, node.path.loc, 'template-call', 'a literal cannot be called', explainCall('', argumentNames(node)) ?? { remedy: 'helpers come first: {{ helper argument … }}' });
    }
    // A name alone is a variable, a name with arguments is a helper: neither can take the other's place.
    if (node.params.length === 0 && node.hash === undefined) return this.#expression(node.path, frame);
    return this.#call(node, node.path, frame);
  }

  #expression(node: ExpressionNode, frame: Frame): Value {
    switch (node.type) {
      case 'StringLiteral':
      case 'NumberLiteral':
      case 'BooleanLiteral':
        return node.value;
      case 'NullLiteral':
        return null;
      case 'UndefinedLiteral':
        throw templateProblem(this.#source, node.loc, 'template-undefined', 'undefined is not a value', { remedy: 'write null' });
      case 'SubExpression':
        if (node.path.type !== 'PathExpression') throw templateProblem(this.#source, node.loc, 'template-call', 'a literal cannot be called');
        return this.#call(node, node.path, frame);
      case 'PathExpression':
        return this.#variable(node, frame);
    }
  }

  #context(node: ExpressionNode, frame: Frame): Context {
    if (node.type !== 'PathExpression') return this.#expression(node, frame);
    const found = lookUp(node, frame, this.#scope, this.#source);
    if (found.found) return found.value instanceof RootContext ? found.value : settle(found.value, this.#scope);
    const helper = node.parts.length === 1 ? HELPERS.get(node.parts[0] ?? '') : undefined;
    const remedy = helper !== undefined ? `${helper.name} is a helper and needs arguments: {{ ${helper.usage} }}` : found.remedy;
    throw templateProblem(this.#source, node.loc, 'undefined-variable', found.summary, { remedy: remedy ?? `define it, or allow for its absence: (default ${node.original} …), {{#if (defined ${node.original})}}` });
  }

  #variable(node: PathNode, frame: Frame): Value {
    const value = this.#context(node, frame);
    if (value instanceof RootContext) {
      throw templateProblem(this.#source, node.loc, 'template-path', `${node.original} stands for all variables here`, { remedy: 'name the variable that is meant; {{ lookup @root name }} takes the name from a variable' });
    }
    return value;
  }

  #call(node: CallParts, path: PathNode, frame: Frame): Value {
    const helper = calledHelper(this.#source, node, path);
    try {
      if (helper.kind === 'lazy') return helper.call(node.params.map((p) => this.#lazy(p, frame)));
      if (helper.kind === 'reference') return settle(asValue(referenceIn(this.#source, node, helper)), this.#scope);
      const fromRoot = this.#fromRoot(node, helper, frame);
      if (fromRoot !== undefined) return fromRoot;
      const args = node.params.map((p) => this.#expression(p, frame));
      const options = Object.fromEntries((node.hash?.pairs ?? []).map((pair) => [pair.key, this.#expression(pair.value, frame)]));
      return settle(callPlain(helper, args, options), this.#scope);
    } catch (error) {
      throw this.#located(error, node, `${helper.name}: `);
    }
  }

  /** `lookup @root name`: the one place where all variables are an argument. */
  #fromRoot(node: CallParts, helper: PlainHelper, frame: Frame): Value | undefined {
    const [first, name, ...more] = node.params;
    if (helper.name !== 'lookup' && helper.name !== 'get') return undefined;
    if (first?.type !== 'PathExpression' || name === undefined || !(this.#context(first, frame) instanceof RootContext)) return undefined;
    const key = this.#expression(name, frame);
    if (typeof key !== 'string') throw new HelperProblem(`a variable is named by text, not by ${typeName(key)}`);
    if (!this.#scope.has(key)) {
      throw templateProblem(this.#source, name.loc, 'undefined-variable', `the variable ${key} is not defined`, { remedy: suggestion(key, this.#scope.names()) });
    }
    const value = settle(this.#scope.get(key), this.#scope);
    return more.length === 0 ? value : callPlain(helper, [value, ...more.map((p) => this.#expression(p, frame))], {});
  }

  #lazy(node: ExpressionNode, frame: Frame): LazyArgument {
    return {
      value: () => this.#expression(node, frame),
      truth: () => this.#truth(node, frame),
      optional: () => {
        // A name in quotes is taken for the name that it spells, or `defined "x"` would always hold.
        const path = node.type === 'StringLiteral' ? this.#quotedPath(node) : node;
        if (path.type !== 'PathExpression') return this.#expression(path, frame);
        const found = lookUp(path, frame, this.#scope, this.#source);
        if (!found.found) return undefined;
        if (found.value instanceof RootContext) return true;
        return settle(found.value, this.#scope);
      },
    };
  }

  #quotedPath(node: Extract<ExpressionNode, { type: 'StringLiteral' }>): PathNode {
    return { type: 'PathExpression', data: false, depth: 0, parts: node.value.split('.'), original: node.value, loc: node.loc };
  }

  #truth(node: ExpressionNode, frame: Frame): boolean {
    const value = this.#expression(node, frame);
    try {
      return truth(value);
    } catch (error) {
      throw this.#located(error, node, '');
    }
  }

  #located(error: unknown, node: { readonly loc: CallParts['loc'] }, prefix: string): unknown {
    if (!(error instanceof HelperProblem) || error instanceof Diagnostic) return error;
    return templateProblem(this.#source, node.loc, 'helper-arguments', `${prefix}${error.message}`, { remedy: error.remedy, cause: error });
  }

  #block(node: BlockNode, frame: Frame, out: Pieces): void {
    const name = node.path.type === 'PathExpression' ? node.path.original : '';
    if (node.openStrip.open === undefined) {
      this.#raw(node, name, out);
      return;
    }
    const [argument] = node.params;
    if (!BLOCKS.some((b) => b === name) || node.program === undefined) throw this.#unknownBlock(node, name);
    if (argument === undefined || node.params.length > 1 || node.hash !== undefined) {
      throw templateProblem(this.#source, node.loc, 'helper-arguments', `{{#${name}}} takes one argument`, { remedy: name === 'if' && node.params.length > 1 ? 'put comparisons in parentheses: {{#if (eq a b)}}' : undefined });
    }
    switch (name) {
      case 'if':
      case 'unless':
        this.#branch(this.#truth(argument, frame) === (name === 'if') ? node.program : node.inverse, frame, out);
        break;
      case 'with':
        this.#with(node, node.program, argument, frame, out);
        break;
      default:
        this.#each(node, node.program, argument, frame, out);
    }
  }

  #raw(node: BlockNode, name: string, out: Pieces): void {
    if (name !== 'raw') throw templateProblem(this.#source, node.path.loc, 'unknown-helper', `there is no raw block {{{{${name}}}}}`, { remedy: 'write {{{{raw}}}} … {{{{/raw}}}}' });
    for (const part of node.program?.body ?? []) if (part.type === 'ContentStatement') out.push(part.value);
  }

  #unknownBlock(node: BlockNode, name: string): Diagnostic {
    const remedy = HELPERS.has(name)
      ? `${name} is a helper, not a block: {{#if (${name} …)}}; a list is gone through by {{#each ${name}}}`
      : name === 'raw' ? 'write {{{{raw}}}} … {{{{/raw}}}}' : `blocks are: ${BLOCKS.map((b) => `{{#${b} …}}`).join(', ')}; a list is gone through by {{#each ${name}}}`;
    return templateProblem(this.#source, node.path.loc, 'unknown-helper', `there is no block {{#${name}}}`, { remedy });
  }

  #branch(program: ProgramNode | undefined, frame: Frame, out: Pieces): void {
    if (program !== undefined) this.#body(program.body, frame, out);
  }

  #with(node: BlockNode, program: ProgramNode, argument: ExpressionNode, frame: Frame, out: Pieces): void {
    const value = this.#context(argument, frame);
    if (value === null) {
      if (node.inverse === undefined) throw templateProblem(this.#source, argument.loc, 'template-null', '{{#with}} of null', { remedy: 'add an {{else}}, or give it a value' });
      this.#branch(node.inverse, frame, out);
      return;
    }
    const [name] = program.blockParams ?? [];
    this.#body(program.body, innerFrame(frame, value, name === undefined || value instanceof RootContext ? new Map<string, Value>() : new Map([[name, value]])), out);
  }

  #each(node: BlockNode, program: ProgramNode, argument: ExpressionNode, frame: Frame, out: Pieces): void {
    const container = this.#expression(argument, frame);
    const entries = this.#entries(container, argument);
    if (entries.length === 0) this.#branch(node.inverse, frame, out);
    const [itemName, keyName] = program.blockParams ?? [];
    entries.forEach(([key, value], index) => {
      const names = new Map<string, Value>();
      if (itemName !== undefined) names.set(itemName, value);
      if (keyName !== undefined) names.set(keyName, key);
      const data = { values: { key, index, first: index === 0, last: index === entries.length - 1 }, parent: frame.data };
      this.#body(program.body, innerFrame(frame, value, names, data), out);
    });
  }

  #entries(container: Value, argument: ExpressionNode): (readonly [string | number, Value])[] {
    if (isList(container)) return container.map((item, i) => [i, settle(item, this.#scope)]);
    if (isMap(container)) return keysInFileOrder(container).map((key) => [key, settle(container[key] ?? null, this.#scope)]);
    throw templateProblem(this.#source, argument.loc, 'template-each', `{{#each}} goes through a list or a map, not ${typeName(container)}`, { remedy: container === null ? 'write {{#each (default x (list))}} when it may be null' : undefined });
  }
}

/** Calls a helper under its rule for secrets. @throws HelperProblem */
function callPlain(helper: PlainHelper, args: readonly Value[], options: ValueMap): Value {
  if (helper.secrets === 'keep') return helper.call(args, options);
  const revealed = args.map(revealAll);
  const secret = revealed.some((r) => r.secret);
  if (secret && helper.secrets === 'refuse') throw new HelperProblem('the argument is a secret, and the result would no longer be hidden', 'keep secrets as text');
  const result = helper.call(revealed.map((r) => r.plain), options);
  return secret && helper.secrets !== 'measure' ? concealAll(result, helper.secrets === 'reveal') : result;
}

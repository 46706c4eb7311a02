/** What can be told of an expression from its syntax tree: the variables that it uses. */
import type { ASTNode } from '@marcbachmann/cel-js';
import { definedPath } from './environment.ts';

export interface RootUse {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

export interface Analysis {
  /** Uses of variables, in order, without those that a macro binds. */
  readonly uses: readonly RootUse[];
  /** Names that `defined(…)` asks about. */
  readonly asked: ReadonlySet<string>;
  /** Calls of `matches`, which this program refuses. */
  readonly matches: readonly ASTNode[];
  /** `defined` of something that is not a name. */
  readonly badDefined: readonly ASTNode[];
}

const COMPREHENSIONS = ['all', 'exists', 'exists_one', 'map', 'filter'];

export function analyse(ast: ASTNode, isBuiltIn: (name: string) => boolean): Analysis {
  const uses: RootUse[] = [];
  const asked = new Set<string>();
  const matches: ASTNode[] = [];
  const badDefined: ASTNode[] = [];

  const call = (name: string, args: readonly ASTNode[], node: ASTNode, bound: ReadonlySet<string>): void => {
    if (name === 'defined') {
      const root = definedPath(args[0])?.[0];
      if (root === undefined || args.length !== 1) badDefined.push(node);
      else asked.add(root);
      return;
    }
    for (const arg of args) visit(arg, bound);
  };

  const method = (name: string, receiver: ASTNode, args: readonly ASTNode[], node: ASTNode, bound: ReadonlySet<string>): void => {
    if (name === 'matches') matches.push(node);
    visit(receiver, bound);
    const [variable, ...rest] = args;
    const binds = variable?.op === 'id' && (COMPREHENSIONS.includes(name) || (name === 'bind' && receiver.op === 'id' && receiver.args === 'cel'));
    const inner = binds ? new Set([...bound, variable.args]) : bound;
    for (const arg of binds ? rest : args) visit(arg, inner);
  };

  const visit = (node: ASTNode, bound: ReadonlySet<string>): void => {
    switch (node.op) {
      case 'value':
        return;
      case 'id':
        if (!bound.has(node.args) && !isBuiltIn(node.args)) uses.push({ name: node.args, start: node.start, end: node.end });
        return;
      case '.':
      case '.?':
        visit(node.args[0], bound);
        return;
      case 'call':
        call(node.args[0], node.args[1], node, bound);
        return;
      case 'rcall':
        method(node.args[0], node.args[1], node.args[2], node, bound);
        return;
      case '!_':
      case '-_':
        visit(node.args, bound);
        return;
      case 'map':
        for (const entry of node.args) for (const part of entry) visit(part, bound);
        return;
      case '?:':
      case '[]':
      case '[?]':
      case 'list':
      case '||':
      case '&&':
      case 'in':
      case '==':
      case '!=':
      case '<':
      case '<=':
      case '>':
      case '>=':
      case '+':
      case '-':
      case '*':
      case '/':
      case '%':
        for (const part of node.args) visit(part, bound);
    }
  };
  visit(ast, new Set());
  return { uses, asked, matches, badDefined };
}

/**
 * Handlebars' syntax tree, as much of it as this program renders. Handlebars' own declarations leave
 * the nodes untyped; these are what its parser gives (handlebars 4.7, `lib/handlebars/compiler/helpers.js`).
 */
export interface Loc {
  readonly start: { readonly line: number; readonly column: number };
  readonly end: { readonly line: number; readonly column: number };
}

export interface PathNode {
  readonly type: 'PathExpression';
  /** Written with `@`. */
  readonly data: boolean;
  /** Number of `../`. */
  readonly depth: number;
  readonly parts: readonly string[];
  readonly original: string;
  readonly loc: Loc;
}
export type LiteralNode =
  | { readonly type: 'StringLiteral'; readonly value: string; readonly loc: Loc }
  | { readonly type: 'NumberLiteral'; readonly value: number; readonly loc: Loc }
  | { readonly type: 'BooleanLiteral'; readonly value: boolean; readonly loc: Loc }
  | { readonly type: 'NullLiteral'; readonly loc: Loc }
  | { readonly type: 'UndefinedLiteral'; readonly loc: Loc };

export interface HashNode {
  readonly pairs: readonly { readonly key: string; readonly value: ExpressionNode; readonly loc: Loc }[];
}

/** What calls have in common, whether they stand in a mustache, a block or parentheses. */
export interface CallParts {
  readonly path: PathNode | LiteralNode;
  readonly params: readonly ExpressionNode[];
  readonly hash?: HashNode;
  readonly loc: Loc;
}
export interface SubExpressionNode extends CallParts {
  readonly type: 'SubExpression';
}
export type ExpressionNode = PathNode | LiteralNode | SubExpressionNode;

export interface MustacheNode extends CallParts {
  readonly type: 'MustacheStatement';
}
export interface BlockNode extends CallParts {
  readonly type: 'BlockStatement';
  readonly program?: ProgramNode;
  readonly inverse?: ProgramNode;
  /** Empty for a raw block (`{{{{name}}}}`). */
  readonly openStrip: { readonly open?: boolean };
}
export interface ContentNode {
  readonly type: 'ContentStatement';
  readonly value: string;
  readonly loc: Loc;
}
export interface CommentNode {
  readonly type: 'CommentStatement';
  readonly loc: Loc;
}
/** Parts of Handlebars that this program refuses. */
export interface RefusedNode {
  readonly type: 'PartialStatement' | 'PartialBlockStatement' | 'Decorator' | 'DecoratorBlock';
  readonly loc: Loc;
}
export type StatementNode = MustacheNode | BlockNode | ContentNode | CommentNode | RefusedNode;

export interface ProgramNode {
  readonly type: 'Program';
  readonly body: readonly StatementNode[];
  readonly blockParams?: readonly string[];
}

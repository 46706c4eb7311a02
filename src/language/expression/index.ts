/** Expressions: CEL, made strict. The reference for people is in `docs/templates.md`. */
export { compileCondition, compileExpression, type Expression } from './compile.ts';
export { compareVersions } from './versions.ts';

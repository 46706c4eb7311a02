/** Small questions to the parser's nodes. */
import { isAlias, isMap, isScalar, isSeq, Scalar, type Node } from 'yaml';

/** The failsafe schema leaves the text of every scalar as it is. */
export function textOf(node: Scalar): string {
  return typeof node.value === 'string' ? node.value : '';
}

/** True for an unquoted `<<`. */
export function isMergeKey(key: unknown): boolean {
  return isScalar(key) && key.type === Scalar.PLAIN && key.source === '<<';
}

/** True for nodes that stand somewhere in the file. */
export function isNodeWithRange(node: unknown): node is Node {
  return (isScalar(node) || isMap(node) || isSeq(node) || isAlias(node)) && node.range !== undefined && node.range !== null;
}

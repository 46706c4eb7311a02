/** Tasks of an include that loops: each round's with its item. */
import type { TaskNode } from '../language/playbook/model.ts';
import type { ValueMap } from '../support/value.ts';

/** The node, and all within it, with these variables on top of its own. */
export function withVars(node: TaskNode, vars: ValueMap): TaskNode {
  const attributes = { ...node.attributes, vars: [...node.attributes.vars, { values: vars, templated: false }] };
  if (node.kind !== 'block') return { ...node, attributes };
  const all = (nodes: readonly TaskNode[]): readonly TaskNode[] => nodes.map((n) => withVars(n, vars));
  return { ...node, attributes, body: all(node.body), rescue: all(node.rescue), always: all(node.always) };
}

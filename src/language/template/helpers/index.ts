/** Every template helper, by name. `docs/templates.md` lists them; a test keeps the two equal. */
import { COLLECTION_HELPERS } from './collections.ts';
import { ENCODING_HELPERS } from './encoding.ts';
import { LOGIC_HELPERS } from './logic.ts';
import { NETWORK_HELPERS } from './network.ts';
import { NUMBER_HELPERS } from './numbers.ts';
import { TEXT_HELPERS } from './text.ts';
import type { Helper } from './types.ts';

export const HELPERS: ReadonlyMap<string, Helper> = new Map(
  [LOGIC_HELPERS, TEXT_HELPERS, COLLECTION_HELPERS, NUMBER_HELPERS, ENCODING_HELPERS, NETWORK_HELPERS].flat().map((helper) => [helper.name, helper]),
);

/** Blocks that templates know: `{{#name}} … {{/name}}`. */
export const BLOCKS = ['if', 'unless', 'each', 'with'] as const;

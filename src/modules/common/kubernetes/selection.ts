/** Which objects a module looks at: one by its name, or those of a kind, by labels and fields. */
import { z } from 'zod';
import type { ListedKey } from './queries.ts';

export const selectionFields = {
  api_version: z.string().default('v1').describe('Such as apps/v1'),
  kind: z.string().describe('Such as Deployment'),
  name: z.string().optional().describe('One object'),
  namespace: z.string().optional().describe('Its namespace; without, and without a name, those of all namespaces'),
  label_selectors: z.array(z.string()).default([]).describe('Labels that they have, as kubectl -l takes them'),
  field_selectors: z.array(z.string()).default([]).describe('Fields that they have'),
};

type Selection = z.output<z.ZodObject<typeof selectionFields>>;

/** What the API is asked for. */
export function selectionOf(args: Selection): Omit<ListedKey, 'login'> {
  return { apiVersion: args.api_version, kind: args.kind, namespace: args.namespace ?? (args.name === undefined ? undefined : 'default'), name: args.name, labels: args.label_selectors.join(','), fields: args.field_selectors.join(',') };
}

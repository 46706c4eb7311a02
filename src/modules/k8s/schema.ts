import { z } from 'zod';
import { kubernetesFields } from '../common/kubernetes/login.ts';

const PruneKind = z.strictObject({
  api_version: z.string().describe('Such as apps/v1'),
  kind: z.string().describe('Such as Deployment'),
  namespace: z.string().optional().describe('In this namespace alone'),
});

export const K8sArgs = z
  .strictObject({
    definition: z.unknown().optional().describe('An object, a list of objects, or YAML with several documents'),
    template: z.string().optional().describe('The same as a template of the role, in place of definition'),
    state: z.enum(['present', 'absent']).default('present').describe('present: applied by the server (server-side apply); absent: deleted, by kind, name and namespace'),
    namespace: z.string().optional().describe('Namespace of objects that name none'),
    field_manager: z.string().min(1).max(128).default('care-provision').describe('Who owns the fields that are set'),
    force_conflicts: z.boolean().default(true).describe('Take fields over that somebody else owns; otherwise that is a failure which names him'),
    prune: z
      .strictObject({
        labels: z.string().min(1).describe('Selector of labels, as kubectl -l takes it'),
        kinds: z.array(PruneKind).min(1).describe('Kinds that are looked through'),
      })
      .optional()
      .describe('Delete the objects with these labels that are not in the definition'),
    ...kubernetesFields,
  })
  .refine((args) => (args.definition === undefined) !== (args.template === undefined), 'give either definition or template')
  .refine((args) => args.state === 'present' || args.prune === undefined, { path: ['prune'], message: 'goes with state present' });
export type K8sArgs = z.output<typeof K8sArgs>;

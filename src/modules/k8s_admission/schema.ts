import { z } from 'zod';
import { StringList } from '../arguments.ts';
import { kubernetesFields } from '../common/kubernetes/login.ts';

const As = z.strictObject({
  user: z.string().min(1).describe('Name'),
  group: z.string().min(1).optional().describe('A group of his'),
});

const Case = z
  .strictObject({
    name: z.string().min(1).describe('What it shows'),
    definition: z.unknown().optional().describe('An object that is to be made'),
    connect: z
      .strictObject({
        namespace: z.string().min(1).describe('Where'),
        subresource: z.enum(['exec', 'attach', 'portforward']).default('exec').describe('What for'),
      })
      .optional()
      .describe('In place of an object: a way into pods of a namespace; a pod that is not there is asked for'),
    refused_by: StringList.default([]).describe('What refuses it: texts that the refusal holds, such as the name of the policy; without any, it is to be admitted'),
    as: As.optional().describe('As whom it is asked; without, as who logs in'),
  })
  .refine((each) => (each.definition === undefined) !== (each.connect === undefined), 'give either definition or connect');
export type AdmissionCase = z.output<typeof Case>;

/** Cases of a template: beside them, anything that they refer to (YAML anchors). */
export const CasesFile = z.looseObject({ cases: z.array(Case).min(1).max(1000) });

export const K8sAdmissionArgs = z
  .strictObject({
    cases: z.array(Case).min(1).max(1000).optional().describe('What is tried'),
    template: z.string().optional().describe('The same as a template of the role, in place of cases: a map with the list `cases`, and anything that its anchors and merges refer to'),
    namespace: z.string().min(1).optional().describe('Namespace of objects that name none'),
    ...kubernetesFields,
  })
  .refine((args) => (args.cases === undefined) !== (args.template === undefined), 'give either cases or template');
export type K8sAdmissionArgs = z.output<typeof K8sAdmissionArgs>;

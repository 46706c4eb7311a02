import { z } from 'zod';
import { kubernetesFields } from '../common/kubernetes/login.ts';

const Rule = z.strictObject({
  api_groups: z.array(z.string()).default(['']).describe('API groups, the core one as an empty text'),
  resources: z.array(z.string()).default([]).describe('Resources, with subresources as pods/exec'),
  verbs: z.array(z.string()).min(1).describe('Verbs'),
  resource_names: z.array(z.string()).default([]).describe('These objects alone'),
  non_resource_urls: z.array(z.string()).default([]).describe('Paths besides resources; they are not asked about'),
});
export type Rule = z.output<typeof Rule>;

const Grant = z.strictObject({
  group: z.string().min(1).describe('Who is granted it'),
  namespaces: z.array(z.string().min(1)).default([]).describe('Where; empty: in the whole cluster'),
  rules: z.array(Rule).describe('What, as the rules of a ClusterRole'),
});
export type Grant = z.output<typeof Grant>;

const Subject = z.strictObject({
  name: z.string().min(1).describe('His user name'),
  groups: z.array(z.string().min(1)).default([]).describe('His groups'),
});
export type Subject = z.output<typeof Subject>;

/** As kubectl writes them: TYPE.GROUP/SUBRESOURCE. */
const RESOURCE = z.string().regex(/^[a-z*]+(\.[a-z0-9.-]+)?(\/[a-z]+)?$/, 'must be such as pods, deployments.apps or pods/exec');

export const K8sCanIArgs = z.strictObject({
  subjects: z.array(Subject).describe('Who'),
  grants: z.array(Grant).describe('What they are to be able to, by their groups, and nothing else'),
  verbs: z.array(z.string().regex(/^[a-z]+$/)).min(1).describe('Verbs that are asked about; bind, escalate and impersonate of the resources alone that they are for'),
  resources: z.array(RESOURCE).min(1).describe('Resources that are asked about: pods, deployments.apps, pods/exec'),
  namespaces: z.array(z.string()).min(1).describe('Namespaces that are asked about; an empty text: all of them at once'),
  ...kubernetesFields,
});
export type K8sCanIArgs = z.output<typeof K8sCanIArgs>;

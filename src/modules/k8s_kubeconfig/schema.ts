import { z } from 'zod';
import { AbsolutePath, AccountName } from '../arguments.ts';
import { kubernetesFields } from '../common/kubernetes/login.ts';

/** RFC 5280's upper bound of a name is 64. */
const Name = z.string().min(1).max(64).regex(/^[A-Za-z0-9][A-Za-z0-9@._:-]*$/, 'must be letters, digits and @._:-').refine((name) => !name.startsWith('system:'), "must be none of Kubernetes' own (system:…)");

export const K8sKubeconfigArgs = z
  .strictObject({
    path: AbsolutePath.describe('File on the host; its directory must exist'),
    user: Name.describe('Who logs in with it: CN of the certificate'),
    groups: z.array(Name).default([]).describe('His groups: O of the certificate'),
    server: z.string().regex(/^https:\/\/[^/]+$/, 'must be such as https://kubernetes-api.care.example:6443').optional().describe('Address of the API for him; default: as in kubeconfig'),
    days: z.int().min(1).max(365).default(90).describe('How long the certificate is valid, in days; it cannot be taken back before'),
    renew_before_days: z.int().min(0).max(364).default(14).describe('It is made anew when fewer days are left'),
    owner: AccountName.optional().describe('Owner of the file; default: as it is, the acting user for a new one'),
    group: AccountName.optional().describe('Group of the file; default: as it is'),
    ...kubernetesFields,
  })
  .refine((args) => args.renew_before_days < args.days, { path: ['renew_before_days'], message: 'must be less than days' });
export type K8sKubeconfigArgs = z.output<typeof K8sKubeconfigArgs>;

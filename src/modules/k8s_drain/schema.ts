import { z } from 'zod';
import { kubernetesFields } from '../common/kubernetes/login.ts';

const DeleteOptions = z.strictObject({
  ignore_daemonsets: z.boolean().default(false).describe('Leave the pods of DaemonSets; without, there must be none'),
  delete_emptydir_data: z.boolean().default(false).describe('Evict pods that have emptyDir volumes, too: what stands in them is lost'),
  force: z.boolean().default(false).describe('Evict pods without a controller, too: nobody makes them anew'),
  disable_eviction: z.boolean().default(false).describe('Delete the pods rather than evict them: no PodDisruptionBudget is asked'),
  terminate_grace_period: z.int().min(0).max(86_400).optional().describe('Seconds that each pod has to end; default: its own'),
  wait_timeout: z.int().min(1).max(86_400).default(300).describe('Seconds until the pods must be gone'),
  wait_sleep: z.int().min(1).max(60).default(2).describe('Seconds between two looks at a pod'),
  skip_wait_for_delete_timeout: z.int().min(1).max(86_400).optional().describe('Pods that have been being deleted for longer, in seconds, are not waited for: those of a node that is dead'),
});

export const K8sDrainArgs = z
  .strictObject({
    name: z.string().min(1).describe('Name of the node'),
    state: z.enum(['cordon', 'drain', 'uncordon']).default('drain').describe('cordon: no new pods; drain: that, and those that are there are evicted; uncordon: pods may come again'),
    pod_selectors: z.array(z.string().min(1)).default([]).describe('Evict pods with these labels alone, as kubectl -l takes them'),
    delete_options: DeleteOptions.prefault({}).describe('How pods go, and which'),
    ...kubernetesFields,
  });
export type K8sDrainArgs = z.output<typeof K8sDrainArgs>;

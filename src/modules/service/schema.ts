/** Arguments of `service`: those of Ansible's module that mean something under systemd. */
import { z } from 'zod';
import { UnitNameText, UnitState } from '../systemd/schema.ts';

export const ServiceArgs = z
  .strictObject({
    name: UnitNameText.describe('The service'),
    state: UnitState.optional().describe('`restarted` and `reloaded` always do so (use them in handlers)'),
    enabled: z.boolean().optional().describe('Whether it starts at boot'),
  })
  .refine((args) => args.state !== undefined || args.enabled !== undefined, { message: 'state or enabled is needed' });
export type ServiceArgs = z.output<typeof ServiceArgs>;

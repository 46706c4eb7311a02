/** Arguments of `systemd`: the names of Ansible's module. */
import { z } from 'zod';

/** A unit name (systemd.unit(5)); a template needs its instance. Without a suffix it is a service. */
export const UnitNameText = z
  .string()
  .regex(/^[A-Za-z0-9:_.\\@-]+$/, 'must be a unit name such as chrony or chrony.service')
  .refine((name) => !name.startsWith('-'), 'must not start with -')
  .refine((name) => !/@(\.[a-z]+)?$/.test(name), 'is a template: name an instance, such as getty@tty1.service')
  .refine((name) => name.length <= 255, 'must not be longer than 255 characters');

export const UnitState = z.enum(['started', 'stopped', 'restarted', 'reloaded']);

export const SystemdArgs = z
  .strictObject({
    name: UnitNameText.optional().describe('The unit; `.service` may be left out. An alias stands for the unit itself'),
    state: UnitState.optional().describe('`restarted` and `reloaded` always do so (use them in handlers); `reloaded` starts what does not run'),
    enabled: z.boolean().optional().describe('Whether it starts at boot'),
    masked: z.boolean().optional().describe('Whether starting it is made impossible'),
    daemon_reload: z.boolean().default(false).describe('Read unit files again first. Hardly needed: before a start or restart it is done whenever systemd says that a file has changed'),
    daemon_reexec: z.boolean().default(false).describe('Execute the manager again first'),
    scope: z.enum(['system', 'user']).default('system').describe('`user`: the manager of the user that the task runs as (that user needs lingering or a session)'),
    no_block: z.boolean().default(false).describe('Do not wait until the start or stop is done; it is not confirmed either'),
    unmet_conditions: z
      .enum(['fail', 'ignore'])
      .default('fail')
      .describe('What a `Condition…=` of the unit that is not met on this host means (a start then succeeds, and nothing runs)'),
  })
  .refine((args) => args.name !== undefined || (args.state === undefined && args.enabled === undefined && args.masked === undefined), { message: 'name is needed', path: ['name'] })
  .refine((args) => args.name !== undefined || args.daemon_reload || args.daemon_reexec, { message: 'name, daemon_reload or daemon_reexec is needed' })
  .refine((args) => !(args.masked === true && (args.state === 'started' || args.state === 'restarted' || args.state === 'reloaded')), { message: 'a masked unit cannot run', path: ['masked'] })
  .refine((args) => !(args.masked === true && args.enabled === true), { message: 'a masked unit cannot be enabled', path: ['masked'] });
export type SystemdArgs = z.output<typeof SystemdArgs>;

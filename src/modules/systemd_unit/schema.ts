/** Arguments of `systemd_unit`. */
import { z } from 'zod';

/** A unit file's name: with its suffix, and possibly a template. */
const UnitFileName = z
  .string()
  .regex(/^[A-Za-z0-9:_.\\@-]+\.(service|socket|mount|automount|swap|target|path|timer|slice)$/, 'must be a unit name with its suffix such as backup.timer')
  .refine((name) => !name.startsWith('-') && !name.startsWith('.'), 'must not start with - or .');

export const SystemdUnitArgs = z
  .strictObject({
    name: UnitFileName.describe('The unit, with its suffix'),
    content: z.string().optional().describe('The file’s text'),
    template: z.string().optional().describe('The file’s text as a template of the role'),
    dropin: z.string().regex(/^[A-Za-z0-9_@:-][A-Za-z0-9_.@:-]*$/, 'must be a file name without .conf').optional().describe('Write a drop-in of this name (without `.conf`) for the unit instead of the unit itself'),
    state: z.enum(['present', 'absent']).default('present').describe('Whether the file is there. Stop and disable a unit before its file goes'),
    verify: z.boolean().default(true).describe('Refuse a text in which `systemd-analyze verify` finds an error'),
  })
  .refine((args) => args.state === 'absent' || (args.content === undefined) !== (args.template === undefined), { message: 'either content or template is needed' });
export type SystemdUnitArgs = z.output<typeof SystemdUnitArgs>;

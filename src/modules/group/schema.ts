/** Arguments of `group`. */
import { z } from 'zod';
import { AccountName } from '../arguments.ts';

/** A name, not a number: groupadd(8) and useradd(8) refuse purely numeric names. */
export const NewAccountName = AccountName.refine((name) => !/^[0-9]+$/.test(name), 'must be a name, not a numeric id');

export const GroupArgs = z.strictObject({
  name: NewAccountName.describe('The group'),
  gid: z.int().nonnegative().max(4294967294).optional().describe('Its numeric id'),
  system: z.boolean().default(false).describe('A new group gets an id of the system’s range'),
  state: z.enum(['present', 'absent']).default('present').describe('Whether it is there'),
});
export type GroupArgs = z.output<typeof GroupArgs>;

/** Arguments of `cron`: those of Ansible's module. */
import { z } from 'zod';
import { NewAccountName } from '../group/schema.ts';

const OneLine = z.string().refine((text) => !/[\n\0]/.test(text), 'must be one line');
const Time = z
  .union([z.string(), z.int()])
  .transform(String)
  .refine((text) => /^[0-9A-Za-z*,/~-]+$/.test(text), 'must be a time field of crontab(5) such as 0, */5, 1-5 or MON');

export const CronArgs = z
  .strictObject({
    name: OneLine.min(1).describe('Names the job (a comment above it), or the variable with `env`'),
    job: OneLine.optional().describe('The command, or the variable’s value with `env`. A `%` means a newline to cron unless it is escaped'),
    minute: Time.default('*').describe('Minute'),
    hour: Time.default('*').describe('Hour'),
    day: Time.default('*').describe('Day of the month'),
    month: Time.default('*').describe('Month'),
    weekday: Time.default('*').describe('Day of the week, 0 is Sunday'),
    special_time: z.enum(['reboot', 'hourly', 'daily', 'weekly', 'monthly', 'annually', 'yearly']).optional().describe('In place of the five fields'),
    user: NewAccountName.optional().describe('Whose crontab, or as whom the job of a cron_file runs; default: as whom the task runs'),
    cron_file: z.string().regex(/^[A-Za-z0-9_-]+$/, 'must be letters, digits, _ and - (cron ignores files with a dot in their names)').optional().describe('File of /etc/cron.d instead of the user’s crontab'),
    env: z.boolean().default(false).describe('Manage a variable of the crontab instead of a job'),
    disabled: z.boolean().default(false).describe('Keep the job, commented out'),
    backup: z.boolean().default(false).describe('Keep a copy of the old cron_file'),
    state: z.enum(['present', 'absent']).default('present').describe('Whether it is there'),
  })
  .refine((args) => args.state === 'absent' || args.job !== undefined, { message: 'job is needed', path: ['job'] })
  .refine((args) => args.special_time === undefined || [args.minute, args.hour, args.day, args.month, args.weekday].every((field) => field === '*'), { message: 'excludes the five time fields', path: ['special_time'] })
  .refine((args) => !args.env || /^[A-Za-z_][A-Za-z0-9_]*$/.test(args.name), { message: 'must be the name of a variable', path: ['name'] })
  .refine((args) => !args.backup || args.cron_file !== undefined, { message: 'goes with cron_file only', path: ['backup'] });
export type CronArgs = z.output<typeof CronArgs>;

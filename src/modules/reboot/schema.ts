import { z } from 'zod';

export const RebootSchema = z.strictObject({
  reboot_timeout: z.number().positive().max(7200).default(900).describe('Seconds until the host must answer again; bare metal may take ten minutes'),
  pre_reboot_delay: z.number().min(0).max(3600).default(0).describe('Seconds to wait before rebooting'),
  post_reboot_delay: z.number().min(0).max(3600).default(0).describe('Seconds to wait after the host answers again'),
  test_command: z.string().min(1).default('whoami').describe('Read-only line for sh that must exit 0 before the host counts as back'),
  reboot_command: z.string().min(1).optional().describe('Line for sh that reboots; default: shutdown -r now, or reboot'),
  msg: z.string().default('Reboot initiated by care-provision').describe('What users logged in are told'),
});

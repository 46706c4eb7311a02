import { z } from 'zod';
import { attributeFields, backupField, DestinationPath, validateField } from '../common/file-arguments.ts';

export const TemplateArgs = z.strictObject({
  src: z.string().min(1).describe('The template: in `templates/` of the role, or beside the playbook'),
  dest: DestinationPath.describe('Where to, on the host. With a final slash, or when it is a directory: into it'),
  ...attributeFields,
  force: z.boolean().default(true).describe('False: leave a file alone that is there already'),
  backup: backupField,
  validate: validateField,
  follow: z.boolean().default(false).describe('Write through a link at `dest` instead of replacing it'),
});
export type TemplateArgs = z.output<typeof TemplateArgs>;

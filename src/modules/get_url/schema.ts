import { z } from 'zod';
import { SecretText } from '../arguments.ts';
import { Sha256 } from '../artifact/schema.ts';
import { attributeFields, backupField, DestinationPath } from '../common/file-arguments.ts';

export const GetUrlArgs = z.strictObject({
  url: z.string().regex(/^(https?|file):\/\//, 'must be an https, http or file URL').describe('What to download, by the controller'),
  dest: DestinationPath.describe('Where to, on the host. With a final slash, or when it is a directory: into it'),
  checksum: z
    .union([z.literal('none'), z.string().regex(/^sha256:/, 'must begin with sha256:').pipe(Sha256)], { error: 'must be `sha256:` and 64 hexadecimal digits, or `none` to take whatever comes' })
    .describe('`sha256:DIGEST` that the file must have, or `none` to take whatever comes'),
  force: z.boolean().default(false).describe('With `checksum: none`: download each time, and replace the file when it differs. Else a file that is there is left'),
  headers: z.record(z.string(), SecretText).default({}).describe('Request headers'),
  timeout: z.int().positive().default(600).describe('Seconds for the download, and again for the way to the host'),
  ...attributeFields,
  backup: backupField,
});
export type GetUrlArgs = z.output<typeof GetUrlArgs>;

import { z } from 'zod';
import { attributeFields, backupField, DestinationPath } from '../common/file-arguments.ts';

export const Sha256 = z
  .string()
  .regex(/^(sha256:)?[0-9a-fA-F]{64}$/, 'must be a sha256: 64 hexadecimal digits')
  .transform((s) => s.replace(/^sha256:/, '').toLowerCase());

export const ArtifactArgs = z.strictObject({
  name: z.string().min(1).optional().describe('What people call it, for messages; default: the last part of `url` or `dest`'),
  url: z.string().regex(/^(https?|file):\/\//, 'must be an https, http or file URL').optional().describe('Where the controller gets it when its artefact cache has it not. Without it: from the cache only'),
  sha256: Sha256.describe('The digest that locks it: no other file is ever installed'),
  dest: DestinationPath.describe('Where to, on the host. With a final slash, or when it is a directory: into it'),
  ...attributeFields,
  backup: backupField,
  timeout: z.int().positive().default(600).describe('Seconds for the download, and again for the way to the host'),
});
export type ArtifactArgs = z.output<typeof ArtifactArgs>;

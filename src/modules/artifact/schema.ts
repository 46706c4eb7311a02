import { z } from 'zod';
import { PLATFORMS } from '../../artifacts/catalogue.ts';
import { attributeFields, backupField, DestinationPath } from '../common/file-arguments.ts';

export const Sha256 = z
  .string()
  .regex(/^(sha256:)?[0-9a-fA-F]{64}$/, 'must be a sha256: 64 hexadecimal digits')
  .transform((s) => s.replace(/^sha256:/, '').toLowerCase());

/** http to this machine itself only, as `artifacts/request.ts` has it. */
const URL_PATTERN = /^(https|file):\/\/|^http:\/\/(localhost|127(\.\d{1,3}){3}|\[::1\])[:/]/;

export const ArtifactArgs = z
  .strictObject({
    name: z.string().min(1).optional().describe('Its name in `artifacts.yml`; with `sha256`, what people call it, for messages (default: the last part of `url` or `dest`)'),
    version: z.string().min(1).optional().describe('Its version in `artifacts.yml`, which says the rest; with `sha256`, for messages'),
    platform: z.enum(PLATFORMS).optional().describe('For which system and processor; default: the host’s own'),
    url: z.string().regex(URL_PATTERN, 'must be an https or file URL').optional().describe('Where the controller gets it when its artefact cache has it not. Without it: from the cache only'),
    sha256: Sha256.optional().describe('The digest that locks it: no other file is ever installed'),
    dest: DestinationPath.describe('Where to, on the host. With a final slash, or when it is a directory: into it'),
    ...attributeFields,
    backup: backupField,
    timeout: z.int().positive().default(600).describe('Seconds for the download, and again for the way to the host'),
  })
  .refine((args) => (args.sha256 === undefined ? args.name !== undefined && args.version !== undefined && args.url === undefined : args.platform === undefined), {
    message: 'needs `name` and `version` of an artefact in artifacts.yml, or else a `sha256`, with a `url` or what the cache has',
  });
export type ArtifactArgs = z.output<typeof ArtifactArgs>;

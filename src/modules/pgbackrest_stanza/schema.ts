import { z } from 'zod';
import { AbsolutePath } from '../arguments.ts';

export const StanzaName = z.string().regex(/^[a-z0-9][a-z0-9_-]*$/, 'must be small letters, digits, _ and -');
export const RepositoryKeys = z.array(z.int().min(1).max(256)).min(1);

export const PgbackrestStanzaArgs = z.strictObject({
  stanza: StanzaName.describe('Name of the stanza'),
  repositories: RepositoryKeys.describe('Numbers of the repositories that must have it, as this host\'s pgBackRest is configured'),
  data_dir: AbsolutePath.describe('Data directory of PostgreSQL on this host'),
  bin_dir: AbsolutePath.describe('Directory of pg_controldata'),
  upgrade: z.boolean().default(false).describe('This cluster is the one of the stanza after a major upgrade of PostgreSQL'),
  timeout: z.int().min(10).max(3600).default(180).describe('Seconds that one command of pgBackRest may take'),
});
export type PgbackrestStanzaArgs = z.output<typeof PgbackrestStanzaArgs>;

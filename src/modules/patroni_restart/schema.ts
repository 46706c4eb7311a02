import { z } from 'zod';
import { AbsolutePath } from '../arguments.ts';
import { CaFile, MemberName, RestUrls } from '../common/patroni-view.ts';

/** Debian policy, section 5.6.1. */
const PackageName = z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/, 'must be the name of a package');

export const PatroniRestartArgs = z.strictObject({
  name: MemberName.describe('Name of this host\'s member'),
  url: RestUrls.describe('REST API of this member'),
  cacert: CaFile.describe('CA that the REST API\'s certificate is verified with'),
  unit: z.string().regex(/^[A-Za-z0-9@._-]+\.service$/, 'must be the full name of a service').default('care-patroni.service').describe('The unit that runs Patroni'),
  data_dir: AbsolutePath.describe('Data directory, whose postmaster.pid tells when PostgreSQL was started'),
  packages: z.array(PackageName).min(1).describe('Installed packages whose files the member runs'),
  owed: z.boolean().default(false).describe('For check mode: an earlier task of the run would install something newer'),
  timeout: z.int().min(10).max(3600).default(180).describe('Seconds to wait until it runs again'),
});
export type PatroniRestartArgs = z.output<typeof PatroniRestartArgs>;

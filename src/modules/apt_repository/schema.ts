/** Arguments of `apt_repository`: the names of Ansible's deb822_repository. */
import { z } from 'zod';
import { AbsolutePath, StringList } from '../arguments.ts';

const Words = StringList.transform((list) => list.flatMap((text) => text.split(/\s+/)).filter((word) => word !== '')).refine((words) => words.length > 0, 'must not be empty');
const Armor = z.string().refine((text) => text.trimStart().startsWith('-----BEGIN PGP PUBLIC KEY BLOCK-----'), 'must be an ASCII-armored public key');

export const AptRepositoryArgs = z
  .strictObject({
    // apt ignores files of sources.list.d with other characters in their names (sources.list(5)).
    name: z.string().regex(/^[A-Za-z0-9_.-]+$/, 'must be letters, digits, _ - and .').describe('Name of the source: NAME.sources'),
    types: z.array(z.enum(['deb', 'deb-src'])).default(['deb']).describe('Kinds of packages'),
    uris: Words.optional().describe('Where it is'),
    suites: Words.optional().describe('Suites such as `trixie`; one that ends in `/` is a path'),
    components: Words.optional().describe('Components such as `main`; none when the suite is a path'),
    architectures: Words.optional().describe('Only these architectures'),
    signed_by: z.union([Armor, AbsolutePath]).optional().describe('The key that signs it: an ASCII-armored text, or the path of a keyring that the host has'),
    key_file: z.string().optional().describe('The key as a file of the controller, armored (.asc) or binary (.gpg), looked up as `src` of copy is'),
    enabled: z.boolean().default(true).describe('Whether apt uses it'),
    options: z.record(z.string().regex(/^[A-Z][A-Za-z0-9-]*$/), z.string().refine((text) => !text.includes('\n'))).default({}).describe('Further fields of sources.list(5), such as `Check-Valid-Until: no`'),
    state: z.enum(['present', 'absent']).default('present').describe('`absent` removes the source and the key that came with it'),
  })
  .refine((args) => args.state === 'absent' || (args.uris !== undefined && args.suites !== undefined), { message: 'uris and suites are needed' })
  .refine((args) => args.signed_by === undefined || args.key_file === undefined, { message: 'signed_by and key_file exclude each other', path: ['key_file'] })
  .refine((args) => args.state === 'absent' || args.suites === undefined || args.suites.every((suite) => suite.endsWith('/')) !== (args.components !== undefined), {
    message: 'components are needed, except with a suite that ends in /',
    path: ['components'],
  });
export type AptRepositoryArgs = z.output<typeof AptRepositoryArgs>;

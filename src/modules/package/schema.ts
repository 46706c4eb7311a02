/** Arguments of `package` and `apt`: the names of Ansible's apt module. */
import { z } from 'zod';
import { PACKAGE_NAME } from '../../host/kinds/package.ts';
import { StringList } from '../arguments.ts';

/** One entry of `name`: a package, and the version where one is pinned. */
export interface PackageSpec {
  readonly name: string;
  /** As apt takes it: exact, or with a `*` at its end. */
  readonly version: string | undefined;
}

/** Reads `chrony`, `chrony=4.6.1-3`, `libc6:i386`. Undefined for anything else. */
export function parseSpec(text: string): PackageSpec | undefined {
  const [, name = '', version] = /^([^=]+?)(?:=([A-Za-z0-9.+:~*-]+))?$/.exec(text.trim()) ?? [];
  return PACKAGE_NAME.test(name) ? { name, version } : undefined;
}

const Specs = StringList.transform((names, context): readonly PackageSpec[] => {
  const specs: PackageSpec[] = [];
  for (const text of names) {
    const spec = parseSpec(text);
    if (spec === undefined) context.addIssue({ code: 'custom', message: `${JSON.stringify(text)} is not a package name such as chrony or chrony=4.6.1-3` });
    else if (specs.some((other) => other.name === spec.name)) context.addIssue({ code: 'custom', message: `${spec.name} is named twice` });
    else specs.push(spec);
  }
  return specs;
});

export const PackageArgs = z
  .strictObject({
    name: Specs.optional().describe('Package or list of packages, each with `=version` to pin it (`*` at the version’s end matches any rest)'),
    state: z.enum(['present', 'absent', 'latest']).default('present').describe('`latest` upgrades to the newest version that the host’s sources offer'),
    update_cache: z.boolean().default(false).describe('Fetch the package lists before. Without packages: the lists are all that is managed'),
    cache_valid_time: z.int().nonnegative().optional().describe('Seconds for which fetched lists are fresh enough; default 0 with packages, 3600 without'),
    install_recommends: z.boolean().default(false).describe('Install recommended packages too'),
    default_release: z.string().regex(/^[A-Za-z0-9._-]+$/).optional().describe('Release to prefer, such as `trixie-backports`'),
    allow_downgrade: z.boolean().default(false).describe('Let a pinned version be older than the installed one'),
    allow_change_held_packages: z.boolean().default(false).describe('Let held packages be changed'),
    hold: z.boolean().optional().describe('Mark the packages as held (true) or not (false); unset: as it is'),
    policy_rc_d: z.int().min(0).max(255).optional().describe('Exit status of the policy-rc.d that stands during the installation. Default: services that run are restarted as Debian does, others are not started'),
    deb: z.string().optional().describe('A .deb file of the controller, looked up as `src` of copy is; its name must be the standard NAME_VERSION_ARCH.deb'),
    autoremove: z.boolean().default(false).describe('With `absent`: remove what was only installed for these packages as well'),
    purge: z.boolean().default(false).describe('With `absent`: remove configuration files as well'),
    lock_timeout: z.int().min(0).max(3600).default(120).describe('Seconds to wait while another program uses apt or dpkg'),
  })
  .refine((args) => args.name !== undefined || args.deb !== undefined || args.update_cache, { message: 'name, deb or update_cache is needed' })
  .refine((args) => args.name === undefined || args.deb === undefined, { message: 'name and deb exclude each other', path: ['deb'] })
  .refine((args) => args.state === 'present' || args.deb === undefined, { message: 'deb goes with state present only', path: ['deb'] })
  .refine((args) => args.state !== 'absent' || args.name !== undefined, { message: 'state absent needs name', path: ['state'] })
  .refine((args) => args.state !== 'absent' || args.hold === undefined, { message: 'hold has no meaning with state absent', path: ['hold'] });
export type PackageArgs = z.output<typeof PackageArgs>;

import { z } from 'zod';
import { AbsolutePath } from '../arguments.ts';
import { RoleDeclaration } from '../patroni_roles/declaration.ts';

const Url = z.string().regex(/^https?:\/\/[^\s/,]+$/, 'must be an http or https URL of host and port only');
const Name = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, 'must be letters, digits, . _ and -');

const Peer = z.strictObject({
  name: Name.describe('Name of the member'),
  rest_url: Url.describe('Where its REST API answers'),
  seen: z.boolean().default(false).describe('Whether this run has looked at that host'),
  data: z.boolean().default(false).describe('Whether the host had a data directory of PostgreSQL when this run looked'),
});
export type Peer = z.output<typeof Peer>;

export const etcdArguments = z.strictObject({
  endpoints: z.array(Url).min(1).describe('Client URLs of etcd'),
  cacert: AbsolutePath.describe('CA of etcd'),
  cert: AbsolutePath.describe('Client certificate'),
  key: AbsolutePath.describe('Its key'),
  auth_file: AbsolutePath.default('/etc/patroni/etcd-auth.json').describe('File on the host with `{"name", "password"}` for an etcd with users; may be missing'),
});

export const PatroniMemberArgs = z
  .strictObject({
    name: Name.describe("Name of this host's member"),
    state: z
      .enum(['present', 'restarted', 'reloaded', 'absent'])
      .default('present')
      .describe('present: this host runs a member; restarted: also restarts it, when the others can spare it; reloaded: reads its configuration anew; absent: it has left the cluster, its data is set aside'),
    only_if: z.enum(['edited', 'pending', 'ill']).optional().describe('reloaded: only when pg_hba.conf is not what Patroni wrote (edited); restarted: only PostgreSQL, and only where a parameter waits for it (pending); only a member that does not work (ill)'),
    expected: z.boolean().default(false).describe('With `pending`: an earlier task has made parameters wait for a restart, or in check mode would have'),
    scope: Name.describe('Name of the cluster'),
    namespace: Name.default('service').describe('Patroni\'s namespace in etcd'),
    version: z.string().regex(/^[0-9]{2}$/, 'must be a major version such as "17"').describe('Major version of PostgreSQL'),
    members: z.array(Peer).min(1).describe('All members that there are to be'),
    bootstrap: z.record(z.string(), z.unknown()).optional().describe('Section `bootstrap` of the configuration, for the host that makes the cluster'),
    bootstrap_roles: z.array(RoleDeclaration).default([]).describe('Roles that a new cluster begins with, as for patroni_roles'),
    config_dir: AbsolutePath.default('/etc/patroni/care.d').describe('Directory of the configuration'),
    unit: z.string().regex(/^[A-Za-z0-9@._-]+\.service$/, 'must be the full name of a service').default('care-patroni.service').describe('The unit that runs Patroni'),
    data_dir: AbsolutePath.describe('Data directory'),
    bin_dir: AbsolutePath.describe("Directory of PostgreSQL's programs"),
    hba_file: AbsolutePath.default('/etc/patroni/pg_hba.conf').describe('File on the host that pg_hba.conf must be equal to'),
    cacert: AbsolutePath.describe('CA that the REST APIs are verified with'),
    cert: AbsolutePath.describe('Client certificate for unsafe requests'),
    key: AbsolutePath.describe('Its key'),
    auth_file: AbsolutePath.default('/etc/patroni/rest-auth').describe('File on the host with `user = "NAME:PASSWORD"`, for curl'),
    etcd: etcdArguments.describe('How to ask etcd'),
    leaderless: z.boolean().default(false).describe('With `present`: where nobody leads, it is enough that the member runs, since the others may be started after it'),
    replace: z.boolean().default(false).describe('The data directory of this host belongs to another cluster, on purpose: it is set aside'),
    patience: z.int().min(0).max(3600).default(60).describe('Seconds to wait for others that are not well just now'),
    timeout: z.int().min(10).max(86_400).default(600).describe('Seconds to wait at most for one step, such as a copy of the data'),
  })
  .refine((args) => args.state === 'absent' || args.members.some((m) => m.name === args.name), { path: ['members'], message: 'must hold this member too' });
export type PatroniMemberArgs = z.output<typeof PatroniMemberArgs>;

const { scope, namespace, members, unit, data_dir, bin_dir, hba_file, cacert, etcd } = PatroniMemberArgs.shape;
/** What every module needs to ask about a cluster: the arguments of the same names, with the same texts and defaults. */
export const clusterArguments = { scope, namespace, members, unit, data_dir, bin_dir, hba_file, cacert, etcd };

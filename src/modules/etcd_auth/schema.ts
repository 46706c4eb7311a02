import { z } from 'zod';
import { revealed } from '../../support/secret.ts';
import { AbsolutePath, SecretText } from '../arguments.ts';

const Url = z.string().regex(/^https?:\/\/[^\s/,'"]+$/, 'must be an http or https URL of host and port only');
/** What etcdctl takes as one word and prints as one line; `:` would begin a password. */
const Name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'must be letters, digits, . _ and -');
/** etcdctl reads one line, and cuts nothing else off. */
const Password = SecretText.refine((p) => /^[\x21-\x7e]{12,}$/.test(revealed(p)), 'must be at least 12 printable ASCII characters, without blanks');

const Grant = z.strictObject({
  prefix: z.string().regex(/^\/[\x21-\x7e]*$/, 'must begin with / and hold printable ASCII without blanks').describe('Keys that begin so'),
  permission: z.enum(['read', 'write', 'readwrite']).default('readwrite').describe('What may be done with them'),
});
export type Grant = z.output<typeof Grant>;

const User = z.strictObject({
  name: Name.refine((n) => n !== 'root', 'root is there anyway').describe('Name of the user, and of its role'),
  password: Password.optional().describe('Its password; without one, a client certificate with that common name, over gRPC alone'),
  grants: z.array(Grant).default([]).describe('Keys that it may reach; nothing else'),
});
export type User = z.output<typeof User>;

export const EtcdAuthArgs = z
  .strictObject({
    enabled: z.boolean().describe('Whether etcd asks who a client is. Users are made before, so that clients can be given their passwords first'),
    users: z.array(User).default([]).describe('All users but root; with any, or with `enabled`, those that are not listed are deleted, and so are roles'),
    endpoints: z.array(Url).min(1).describe('Client URLs of the members'),
    fresh: z.boolean().default(false).describe('Whether no member has data yet: then check mode foresees an empty cluster'),
    cacert: AbsolutePath.describe('CA that members\' certificates are verified with'),
    cert: AbsolutePath.describe('Client certificate for etcdctl, whose common name is root'),
    key: AbsolutePath.describe('Its key'),
    gateway_cert: AbsolutePath.describe('Client certificate without a common name, for trying passwords: etcd\'s gateway takes no other'),
    gateway_key: AbsolutePath.describe('Its key'),
  })
  .refine((args) => new Set(args.users.map((u) => u.name)).size === args.users.length, { path: ['users'], message: 'must have different names' });
export type EtcdAuthArgs = z.output<typeof EtcdAuthArgs>;

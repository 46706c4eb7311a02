import { z } from 'zod';
import { AbsolutePath, Mode } from '../arguments.ts';
import { ownershipArguments } from '../common/x509.ts';

export const PrivateKeySchema = z.strictObject({
  path: AbsolutePath.describe('File of the key on the host; its directory must exist'),
  type: z.enum(['ec-p256', 'ec-p384', 'rsa-2048', 'rsa-3072', 'rsa-4096', 'ed25519']).default('ec-p256').describe('Kind of key; rsa-2048 is for DKIM, whose keys must fit into the DNS'),
  mode: Mode.default('0600').describe('Mode of the file'),
  ...ownershipArguments,
  regenerate: z
    .enum(['full_idempotence', 'fail', 'never'])
    .default('full_idempotence')
    .describe('When there is a key of another type: make a new one (full_idempotence), fail, or keep it (never)'),
});

import { z } from 'zod';
import { failed, ok, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import { loginFields, loginOf, SECRET_LOGIN_ARGS } from '../common/s3/login.ts';
import { asked, known, planned } from '../common/s3/server.ts';
import { defineModule } from '../define.ts';
import { backupInStore, type BackupFound, type BackupKey } from './query.ts';

/** As s3_upload_inventory wants it, of characters that every signer writes alike. */
const BUCKET_URL = /^https:\/\/[A-Za-z0-9.-]+(:\d{1,5})?(\/[A-Za-z0-9._-]+)+$/;

const { access_key, secret_key, region, ca_cert } = loginFields;
const Args = z.strictObject({
  url: z.string().regex(BUCKET_URL, 'must be the https address of a bucket and a folder in it, of letters, digits and . _ -').describe('Where the backups of all hosts are, each in a folder of its host’s name: https address of a bucket, and of a folder in it'),
  name: z.string().regex(/^(newest|([A-Za-z0-9._-]+\/)?[A-Za-z0-9._-]+)$/, 'must be newest, a file, or HOST/FILE').default('newest').describe('`newest`, by the times in the names; or one of them, FILE or HOST/FILE'),
  begins: z.string().regex(/^[A-Za-z0-9._-]*$/, 'must be letters, digits and . _ -').default('').describe('What the names of the files begin with, such as `care-`'),
  suffix: z.string().regex(/^\.[A-Za-z0-9.]+$/, 'must begin with a dot').describe('What they end with, such as `.tar.age`. Before it there is `-` and the time, such as 20261127T010300Z'),
  access_key: access_key.describe('The account that reads, and for `newest` lists'), secret_key, region, ca_cert,
});
type Args = z.output<typeof Args>;

function keyOf(args: Args, host: HostView): BackupKey {
  const { origin, pathname } = new URL(args.url);
  const [bucket = '', ...folders] = pathname.slice(1).split('/');
  return { login: loginOf({ ...args, endpoint_url: origin }, host), bucket, naming: { folder: folders.join('/'), begins: args.begins, suffix: args.suffix }, name: args.name };
}

function answer(args: Args, found: BackupFound): Plan {
  switch (found.type) {
    case 'found': {
      const { backup, sha256, ageHours, link } = found;
      return ok({ key: backup.key, host: backup.host, file: backup.file, time: backup.time, age_hours: ageHours ?? null, size: backup.size, sha256, url: link });
    }
    case 'absent':
      return args.name === 'newest'
        ? failed(`there is no backup in ${args.url}: no HOST/${args.begins}…-TIME${args.suffix} with its .sha256 beside it`, 'see the address, and the name that the backups begin with')
        : failed(`there is no backup ${args.name} in ${args.url}`, found.newest.length === 0 ? 'see its name, as HOST/FILE, and whether the account may read there' : `the newest there are ${found.newest.join(', ')}`);
    case 'no-sum':
      return failed(`${found.key} in ${args.url} has no sum beside it that could be read (.sha256), so it is not known to be whole`, 'name another one');
    case 'forbidden':
      return found.what === 'list'
        ? failed(`${args.access_key} may not list what is in ${args.url}, so nobody can tell which is the newest`, 'give an account that may (s3:ListBucket and s3:GetObject), or the name of one, HOST/FILE')
        : failed(`${args.access_key} may not read what is in ${args.url}`, 'give an account that may (s3:GetObject)');
  }
}

export const s3BackupInfo = defineModule({
  name: 's3_backup_info',
  summary: 'Find a backup in object storage, with a link that reads it',
  description: `Changes nothing. Finds the newest, or the one that is named, of backups that hosts have put there (role \`s3_copy\`): HOST/NAME-TIME.SUFFIX with a
\`.sha256\` beside it; one without is not whole, and not taken. The request goes from the controller through the SSH connection to the host (docs/s3-modules.md), and
\`url\` reads that one object for six hours: the account itself need not come onto the host.`,
  args: Args,
  secretArgs: SECRET_LOGIN_ARGS,
  examples: [{ title: 'The newest backup of the cluster care', yaml: 's3_backup_info:\n  url: https://s3.site.example:9443/etcd-backups/care\n  begins: care-\n  suffix: .tar.age\n  access_key: etcd-restore\n  secret_key: "{{ etcd_restore_key }}"\nregister: newest' }],
  returns: { url: 'Secret link that reads it for six hours', key: 'its name in the bucket', host: 'whose it is', file: 'its name alone', time: 'when it was taken, by its name', age_hours: 'hours since then, by the store’s clock, or null', size: 'bytes', sha256: 'its digest' },
  queries(args, host) {
    const key = keyOf(args, host);
    return asked(host, key.login, [backupInStore(key)]);
  },
  plan: (args, host) => planned(() => answer(args, known<BackupFound>(host, backupInStore(keyOf(args, host)), { type: 'absent', newest: [] }))),
});

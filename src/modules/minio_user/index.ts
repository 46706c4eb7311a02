import { password, user } from '../common/s3/account.ts';
import { loginOf, SECRET_LOGIN_ARGS } from '../common/s3/login.ts';
import { asked, planned } from '../common/s3/server.ts';
import { defineModule } from '../define.ts';
import { planUser, UserArgs } from './plan.ts';

export const minioUser = defineModule({
  name: 'minio_user',
  summary: 'Manage a user of MinIO',
  description: `Makes a user, sets its secret key and gives it policies, exactly those. The key is compared by logging in with it, so a second run changes
nothing, and it is sent sealed. Give each service a user of its own with a policy for its own bucket; to change a key without a gap, give the
service a second key (\`minio_service_account\`) first.`,
  args: UserArgs,
  secretArgs: ['password', ...SECRET_LOGIN_ARGS],
  examples: [
    { title: 'A service’s account', yaml: 'minio_user:\n  name: pgbackrest\n  password: "{{ backup_s3_secret }}"\n  policies: [pgbackrest]\n  endpoint_url: https://127.0.0.1:9000\n  access_key: care-root\n  secret_key: "{{ minio_root_password }}"\nrun_once: true' },
  ],
  queries(args, host) {
    const login = loginOf(args, host);
    const key = args.password === undefined || args.update_password === 'on_create' || args.state === 'absent' ? [] : [password({ login, name: args.name, password: args.password })];
    return asked(host, login, [user({ login, name: args.name }), ...key]);
  },
  plan: (args, host) => planned(() => planUser(args, host)),
});

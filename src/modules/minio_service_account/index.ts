import { password, serviceAccount } from '../common/s3/account.ts';
import { loginOf, SECRET_LOGIN_ARGS } from '../common/s3/login.ts';
import { asked, planned } from '../common/s3/server.ts';
import { defineModule } from '../define.ts';
import { planServiceAccount, ServiceAccountArgs } from './plan.ts';

export const minioServiceAccount = defineModule({
  name: 'minio_service_account',
  summary: 'Manage a service account of MinIO: a further key of a user',
  description: `A key of its own for a user, that may do what the user may, or less. For changing keys without a gap: make the new one, let the service use it, and
remove the old one in the next run. The key is compared by logging in with it, and is sent sealed.`,
  args: ServiceAccountArgs,
  secretArgs: ['password', ...SECRET_LOGIN_ARGS],
  examples: [
    { title: 'The key for the second half of the year', yaml: 'minio_service_account:\n  name: care-backend-2026b\n  user: care-backend\n  password: "{{ care_s3_secret }}"\n  description: key of the second half of 2026\n  endpoint_url: https://127.0.0.1:9000\n  access_key: care-root\n  secret_key: "{{ minio_root_password }}"\nrun_once: true' },
  ],
  queries(args, host) {
    const login = loginOf(args, host);
    const key = args.password === undefined || args.update_password === 'on_create' || args.state === 'absent' ? [] : [password({ login, name: args.name, password: args.password })];
    return asked(host, login, [serviceAccount({ login, name: args.name }), ...key]);
  },
  plan: (args, host) => planned(() => planServiceAccount(args, host)),
});

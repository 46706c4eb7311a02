import { defineModule } from '../define.ts';
import { planUser, userQueries } from './plan.ts';
import { UserArgs } from './schema.ts';

export const userModule = defineModule({
  name: 'user',
  summary: 'Make, change and remove users',
  description: `
Works on the local files with shadow's tools. A password is a hash (\`mkpasswd -m yescrypt\`), reaches the host on
the channel and chpasswd on its standard input, and is never shown. A user that a directory service provides is
left alone: changing one is an error.
`.trim(),
  args: UserArgs,
  secretArgs: ['password'],
  examples: [
    { title: 'An administrator', yaml: 'user:\n  name: amina\n  groups: [adm, sudo]\n  shell: /bin/bash\n  password: "!"' },
    { title: 'A service account', yaml: 'user:\n  name: care\n  system: true\n  home: /var/lib/care\n  shell: /usr/sbin/nologin' },
    { title: 'Somebody who left', yaml: 'user:\n  name: amina\n  state: absent\n  remove: true' },
  ],
  queries: userQueries,
  plan: planUser,
});

import { Secret } from '../../support/secret.ts';
import { editedPath, editFile, editQueries } from '../common/edit-file.ts';
import { planning } from '../common/look.ts';
import { defineModule } from '../define.ts';
import { absentLine, presentLine } from './edit.ts';
import { LineinfileArgs } from './schema.ts';

export const lineinfile = defineModule({
  name: 'lineinfile',
  summary: 'Keep one line in a text file, or out of it',
  description: `With \`regexp\` or \`search_string\` the last line that matches is replaced by \`line\`; where none matches, \`line\` is
put at \`insertafter\` or \`insertbefore\`, unless the very line is there already. Expressions are Python's, as in Ansible.
Links are written through. Prefer \`template\` where a whole file is yours: one line at a time hides what the file should be.`,
  args: LineinfileArgs,
  examples: [
    { title: 'Replace a setting, or add it', yaml: "lineinfile:\n  path: /etc/login.defs\n  regexp: '^UMASK\\s'\n  line: 'UMASK 027'" },
    { title: 'Keep a line out', yaml: "lineinfile:\n  path: /etc/hosts\n  regexp: '\\sold\\.example$'\n  state: absent" },
  ],
  returns: { msg: '`line added`, `line replaced`, `N line(s) removed`' },
  queries: (args) => editQueries(editedPath(args)),
  plan: (args, host) =>
    planning(() =>
      editFile(
        host,
        {
          path: editedPath(args),
          attributes: { mode: args.mode, owner: args.owner, group: args.group },
          create: args.create,
          absentIsFine: args.state === 'absent',
          backup: args.backup,
          validate: args.validate,
          secret: args.line instanceof Secret,
        },
        (text, own) => (args.state === 'present' ? presentLine(args, text, own) : absentLine(args, text, own)),
      ),
    ),
});

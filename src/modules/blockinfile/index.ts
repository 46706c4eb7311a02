import { Secret } from '../../support/secret.ts';
import { editedPath, editFile, editQueries } from '../common/edit-file.ts';
import { planning } from '../common/look.ts';
import { defineModule } from '../define.ts';
import { editBlock } from './edit.ts';
import { BlockinfileArgs } from './schema.ts';

export const blockinfile = defineModule({
  name: 'blockinfile',
  summary: 'Keep a block of lines between two marker lines in a text file',
  description: `Whatever stands between the markers is replaced; a block that is not there is inserted at \`insertafter\` or
\`insertbefore\`. The default markers are Ansible's, so blocks that Ansible made are taken over. Links are written through.`,
  args: BlockinfileArgs,
  examples: [{ title: 'A few hosts', yaml: 'blockinfile:\n  path: /etc/hosts\n  marker: "# {mark} care hosts"\n  block: |\n    192.0.2.10 db1\n    192.0.2.11 db2' }],
  returns: { msg: '`block inserted`, `block replaced`, `block removed`' },
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
          secret: args.block instanceof Secret || args.content instanceof Secret,
        },
        (text, own) => editBlock(args, text, own),
      ),
    ),
});

import { user, type UserFact } from '../../host/kinds/account.ts';
import { content, sha256 } from '../../host/kinds/content.ts';
import { madeDirectory } from '../../host/kinds/path-effects.ts';
import { parentOf } from '../../host/kinds/path-key.ts';
import { stat, statFollow } from '../../host/kinds/path.ts';
import { converge, failed, type Change, type Plan } from '../../host/plan.ts';
import type { AnyQuery } from '../../host/query.ts';
import { FactsNeeded, type HostView } from '../../host/view.ts';
import { joinScripts, sh } from '../../support/shell.ts';
import { attributesChange, attributesScript } from '../common/attributes.ts';
import { joinLines, splitLines, textOf } from '../common/edit-text.ts';
import { lookAt, planning } from '../common/look.ts';
import { putFile } from '../common/put-file.ts';
import { defineModule } from '../define.ts';
import { editKeys } from './edit.ts';
import { AuthorizedKeyArgs } from './schema.ts';

/** Where the keys are, once the user is known. */
function keyPath(args: AuthorizedKeyArgs, home: string): string {
  return args.path ?? `${home === '/' ? '' : home}/.ssh/authorized_keys`;
}

function queries(args: AuthorizedKeyArgs, host: HostView): readonly AnyQuery[] {
  const account = user(args.user);
  let fact: UserFact | null;
  try {
    fact = host.fact(account);
  } catch (error) {
    if (error instanceof FactsNeeded) return [account];
    throw error;
  }
  if (fact === null) return [account];
  const path = keyPath(args, fact.home);
  return [account, stat(path), statFollow(parentOf(path)), stat(parentOf(path)), content(path), sha256(path)];
}

/** The directory's change, and what it is afterwards for the file's plan. */
function directoryChange(host: HostView, path: string, account: string, group: string | undefined): Change | undefined {
  const now = lookAt(host, path);
  const wanted = { mode: '0700', owner: account, ...(group === undefined ? {} : { group }) };
  if (now.exists) return attributesChange(path, now, wanted);
  return {
    resource: `directory ${path}`,
    what: 'create, mode 0700',
    // Without -p, which would be content with a link: the user could have put one there since it was looked at.
    script: joinScripts([sh`mkdir -p -- ${parentOf(path)}\nmkdir -m 0700 -- ${path}`, attributesScript(path, wanted, true)]),
    effects: madeDirectory(path, wanted),
  };
}

function plan(args: AuthorizedKeyArgs, host: HostView): Plan {
  const account = host.fact(user(args.user));
  if (account === null) {
    const doubt = host.uncertain(user(args.user));
    if (doubt !== undefined) return { type: 'unknown', because: doubt };
    return failed(`there is no user ${args.user}`, 'make it in an earlier task');
  }
  const path = keyPath(args, account.home);
  const folder = parentOf(path);
  const changes: Change[] = [];
  const folderNow = lookAt(host, folder);
  if (folderNow.exists && folderNow.type !== 'directory') return failed(`${folder} is a ${folderNow.type}, not a directory: keys are not written through it`);
  if (!folderNow.exists && args.state === 'absent') return converge([]);
  const manage = args.manage_dir && args.state === 'present';
  if (manage) {
    const change = directoryChange(host, folder, args.user, account.group);
    if (change !== undefined) changes.push(change);
  }
  const text = textOf(host, path);
  if (text === undefined && args.state === 'absent') return converge([]);
  const keys = args.key_options === undefined ? args.key : args.key.map((key) => ({ ...key, options: args.key_options ?? '' }));
  const wanted = editKeys(splitLines(text ?? ''), {
    keys,
    present: args.state === 'present',
    exclusive: args.exclusive,
    optionsGiven: args.key_options !== undefined || keys.some((key) => key.options !== ''),
  });
  const file = putFile(host, {
    path,
    source: { type: 'text', text: text !== undefined && joinLines(splitLines(text)) === joinLines(wanted) ? text : joinLines(wanted) },
    attributes: manage ? { mode: '0600', owner: args.user, group: account.group } : {},
    follow: false,
    force: true,
    backup: false,
    validate: undefined,
    ...(folderNow.exists || !manage ? {} : { parent: { exists: true, type: 'directory' } }),
  });
  if (file !== undefined) changes.push(file);
  return converge(changes);
}

export const authorizedKeyModule = defineModule({
  name: 'authorized_key',
  summary: 'Let SSH keys log in as a user',
  description: `
A key is known by its base64 part: a line that has it is kept as it is, comment included, unless options are given
and differ. With \`exclusive\`, all keys belong in one task; in a loop each round would remove the others' keys.
`.trim(),
  args: AuthorizedKeyArgs,
  examples: [
    { title: 'One key', yaml: 'authorized_key:\n  user: care\n  key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJmE0gDJyEvNSFVmM7ZEtBi4ZKvCVTBcRXRWnq6CNvtT amina' },
    { title: 'No key but these', yaml: 'authorized_key:\n  user: root\n  exclusive: true\n  key: []' },
  ],
  queries,
  plan: (args, host) => planning(() => plan(args, host)),
});

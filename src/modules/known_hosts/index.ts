import { z } from 'zod';
import { user } from '../../host/kinds/account.ts';
import { converge, failed, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import { AbsolutePath } from '../arguments.ts';
import { joinLines, putText, splitLines, textOf } from '../common/edit-text.ts';
import { planning } from '../common/look.ts';
import { defineModule } from '../define.ts';
import { addHostKeys, parseHostKeys, removeHostKeys } from './edit.ts';

const HostKeys = z.string().transform((text, context) => {
  const keys = parseHostKeys(text);
  if (keys !== undefined && keys.length > 0) return keys;
  context.addIssue({ code: 'custom', message: 'must be host keys as ssh-keyscan prints them, or the text of a .pub file' });
  return z.NEVER;
});

export const KnownHostsArgs = z
  .strictObject({
    name: z.string().regex(/^(\[[^\][\s,]+\]:[0-9]+|[^\][\s,|*?!]+)$/, 'must be one host name or address, or [name]:port').describe('The host whose keys they are, as ssh is told it; `[name]:port` for another port than 22'),
    key: HostKeys.optional().describe('Host keys, one a line, as ssh-keyscan prints them or as a .pub file has them'),
    state: z.enum(['present', 'absent']).default('present').describe('Whether the keys are there; `absent` without `key` removes all of the host'),
    path: AbsolutePath.optional().describe('The file; default `.ssh/known_hosts` in the home directory of the user that the task runs as. `/etc/ssh/ssh_known_hosts` is for all users'),
  })
  .refine((args) => args.state === 'absent' || args.key !== undefined, { message: 'state present needs key', path: ['key'] });
type KnownHostsArgs = z.output<typeof KnownHostsArgs>;

function plan(args: KnownHostsArgs, host: HostView): Plan {
  const home = args.path === undefined ? host.fact(user(host.user))?.home : undefined;
  const path = args.path ?? (home === undefined ? undefined : `${home}/.ssh/known_hosts`);
  if (path === undefined) return failed(`user ${host.user} is not known on the host, so its known_hosts is not either`, 'give path');
  const text = textOf(host, path) ?? '';
  const lines = splitLines(text);
  const wanted = args.state === 'present' ? addHostKeys(lines, args.name, args.key ?? []) : removeHostKeys(lines, args.name, args.key);
  if (joinLines(wanted) === joinLines(lines)) return converge([]);
  const change = putText(host, { path, text: joinLines(wanted), attributes: {} });
  return converge(change === undefined ? [] : [change]);
}

export const knownHostsModule = defineModule({
  name: 'known_hosts',
  summary: 'Tell a host’s ssh which keys other hosts have',
  description: 'Hashed lines are understood, new lines are not hashed. Lines with a marker (`@cert-authority`, `@revoked`) are left alone.',
  args: KnownHostsArgs,
  examples: [{ title: 'For all users', yaml: 'known_hosts:\n  name: backup.example.org\n  path: /etc/ssh/ssh_known_hosts\n  key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJmE0gDJyEvNSFVmM7ZEtBi4ZKvCVTBcRXRWnq6CNvtT' }],
  plan: (args, host) => planning(() => plan(args, host)),
});

import { group } from '../../host/kinds/account.ts';
import { converge, failed, type Plan } from '../../host/plan.ts';
import { forgetKinds } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import { sh } from '../../support/shell.ts';
import { defineModule } from '../define.ts';
import { GroupArgs } from './schema.ts';

function plan(args: GroupArgs, host: HostView): Plan {
  const query = group(args.name);
  const now = host.fact(query);
  const resource = `group ${args.name}`;
  if (args.state === 'absent') {
    if (now === null) return converge([]);
    if (!now.local) return failed(`group ${args.name} comes from a directory service and cannot be removed here`);
    return converge([{ resource, what: 'remove', script: sh`groupdel -- ${args.name}`, effects: [forgetKinds('user'), query.is(null)] }]);
  }
  if (now === null) {
    const options = [...(args.system ? ['--system'] : []), ...(args.gid === undefined ? [] : ['--gid', args.gid])];
    const what = args.gid === undefined ? 'create' : `create, gid ${String(args.gid)}`;
    return converge([{ resource, what, script: sh`groupadd ${options} -- ${args.name}`, effects: [query.is({ gid: args.gid, local: true })] }]);
  }
  if (args.gid === undefined || now.gid === args.gid) return converge([]);
  if (!now.local) return failed(`group ${args.name} comes from a directory service with gid ${String(now.gid)}, not ${String(args.gid)}`);
  // Files keep the old number, and users of this group get the new one (groupmod(8)).
  return converge([
    {
      resource,
      what: `gid ${String(now.gid)} → ${String(args.gid)}`,
      script: sh`groupmod --gid ${args.gid} -- ${args.name}`,
      effects: [forgetKinds('user', 'stat', 'statFollow', 'fullStat', 'tree'), query.is({ ...now, gid: args.gid })],
    },
  ]);
}

export const groupModule = defineModule({
  name: 'group',
  summary: 'Make and remove groups',
  args: GroupArgs,
  examples: [{ title: 'A system group', yaml: 'group:\n  name: care\n  system: true' }],
  queries: (args) => [group(args.name)],
  plan,
});

import { z } from 'zod';
import { alternative } from '../../host/kinds/alternative.ts';
import { converge, failed, type Plan } from '../../host/plan.ts';
import { forgetKinds } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import { sh } from '../../support/shell.ts';
import { AbsolutePath } from '../arguments.ts';
import { defineModule } from '../define.ts';

export const AlternativesArgs = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9+._-]*$/, 'must be the name of an alternative such as iptables').describe('The alternative'),
  path: AbsolutePath.describe('The choice to put in force; its package must have registered it'),
});
type AlternativesArgs = z.output<typeof AlternativesArgs>;

function plan(args: AlternativesArgs, host: HostView): Plan {
  const query = alternative(args.name);
  const now = host.fact(query);
  if (now.value === args.path) return converge([]);
  if (!now.choices.includes(args.path) && host.uncertain(query) === undefined) {
    return failed(`${args.path} is no choice of the alternative ${args.name}`, now.choices.length === 0 ? 'install the package that has it' : `choices are: ${now.choices.join(', ')}`);
  }
  return converge([
    {
      resource: `alternative ${args.name}`,
      what: `${now.value ?? 'none'} → ${args.path}`,
      script: sh`update-alternatives --quiet --set ${args.name} ${args.path}`,
      effects: [forgetKinds('stat', 'statFollow', 'fullStat', 'sha256', 'content', 'tree', 'glob'), query.is({ value: args.path, choices: now.choices })],
    },
  ]);
}

export const alternativesModule = defineModule({
  name: 'alternatives',
  summary: 'Choose among installed programs that do the same',
  args: AlternativesArgs,
  examples: [{ title: 'iptables over nftables', yaml: 'alternatives:\n  name: iptables\n  path: /usr/sbin/iptables-nft' }],
  queries: (args) => [alternative(args.name)],
  plan,
});

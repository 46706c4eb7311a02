import { z } from 'zod';
import { debconf } from '../../host/kinds/debconf.ts';
import { PACKAGE_NAME } from '../../host/kinds/package.ts';
import { converge, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import { revealed, Secret } from '../../support/secret.ts';
import { attach, sh } from '../../support/shell.ts';
import { SecretText } from '../arguments.ts';
import { defineModule } from '../define.ts';

export const DebconfArgs = z.strictObject({
  name: z.string().regex(PACKAGE_NAME, 'must be a package name').describe('The package that asks'),
  question: z.string().regex(/^[^\s]+\/[^\s]+$/, 'must be a question such as postfix/main_mailer_type').describe('The question'),
  vtype: z.enum(['boolean', 'error', 'multiselect', 'note', 'password', 'seen', 'select', 'string', 'text', 'title']).describe('Its type'),
  value: z
    .union([SecretText, z.boolean(), z.number(), z.array(z.string())])
    .transform((value) => (Array.isArray(value) ? value.join(', ') : typeof value === 'boolean' || typeof value === 'number' ? String(value) : value))
    .refine((value) => !revealed(value).includes('\n'), 'must be one line')
    .describe('The answer; a list for multiselect'),
});
type DebconfArgs = z.output<typeof DebconfArgs>;

function plan(args: DebconfArgs, host: HostView): Plan {
  const query = debconf(args.question);
  const now = host.fact(query).value;
  const wanted = new Secret(revealed(args.value));
  if (now?.equals(wanted) === true) return converge([]);
  const hidden = args.vtype === 'password' || args.value instanceof Secret;
  const shown = (value: Secret | undefined): string | Secret => (value === undefined ? '' : hidden ? value : value.reveal());
  const line = new Secret(`${args.name} ${args.question} ${args.vtype} ${wanted.reveal()}\n`);
  return converge([
    {
      resource: `debconf ${args.question}`,
      what: 'answer',
      diff: { before: shown(now), after: shown(wanted) },
      script: sh`debconf-set-selections ${attach(line)}`,
      effects: [query.is({ value: wanted })],
    },
  ]);
}

export const debconfModule = defineModule({
  name: 'debconf',
  summary: 'Answer a package’s question before it is asked',
  description: 'Answers are read when the package is configured: answer first, install after. A package that is installed already needs `dpkg-reconfigure`.',
  args: DebconfArgs,
  examples: [{ title: 'Postfix without asking', yaml: 'debconf:\n  name: postfix\n  question: postfix/main_mailer_type\n  vtype: select\n  value: Internet Site' }],
  queries: (args) => [debconf(args.question)],
  plan,
});

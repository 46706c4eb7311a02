import { engineOnly } from '../control.ts';
import { defineModule } from '../define.ts';
import { AssertSchema } from './schema.ts';

export const assert = defineModule({
  name: 'assert',
  summary: 'Fail unless conditions hold',
  description: 'Conditions are CEL, as in `when`, and must give true or false.',
  args: AssertSchema,
  examples: [
    {
      title: 'An odd number of etcd members',
      yaml: 'assert:\n  that:\n    - size(groups.etcd) % 2 == 1\n    - etcd_version.startsWith("3.")\n  fail_msg: etcd needs an odd number of members\n',
    },
  ],
  returns: { assertion: 'the condition that did not hold', evaluated_to: 'what it gave' },
  plan: () => engineOnly('assert'),
});

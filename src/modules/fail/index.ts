import { failed } from '../../host/plan.ts';
import { defineModule } from '../define.ts';
import { FailSchema } from './schema.ts';

export const fail = defineModule({
  name: 'fail',
  summary: 'Fail with a message',
  description: 'Fails in check mode as well; put a `when` on it.',
  args: FailSchema,
  freeForm: 'msg',
  examples: [{ title: 'Refuse what is not supported', yaml: 'fail:\n  msg: "{{ ansible_distribution }} is not supported"\nwhen: ansible_os_family != "Debian"\n' }],
  plan: (args) => failed(args.msg),
});

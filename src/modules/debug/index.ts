import { engineOnly } from '../control.ts';
import { defineModule } from '../define.ts';
import { DebugSchema } from './schema.ts';

export const debug = defineModule({
  name: 'debug',
  summary: 'Show a message or a variable',
  description: 'Secrets are shown masked.',
  args: DebugSchema,
  freeForm: 'msg',
  examples: [
    { title: 'A message', yaml: 'debug:\n  msg: "{{ inventory_hostname }} is in {{ site }}"\n' },
    { title: 'A variable, with -v', yaml: 'debug:\n  var: etcd_health\n  verbosity: 1\n' },
  ],
  returns: { msg: 'the message; with `var`, the value under the name of the variable instead' },
  plan: () => engineOnly('debug'),
});

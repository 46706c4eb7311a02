import { engineOnly } from '../control.ts';
import { defineModule } from '../define.ts';
import { MetaSchema } from './schema.ts';

export const meta = defineModule({
  name: 'meta',
  summary: 'Steer the play',
  description: `- \`flush_handlers\`: handlers notified so far run now, on every host of the play
- \`barrier\`: hosts go through a play at their own pace; here they wait for each other
- \`end_play\`, \`end_host\`: no further tasks of this play, for all hosts or for this one; not a failure
- \`clear_host_errors\`: hosts that failed take part again
- \`noop\`: nothing`,
  args: MetaSchema,
  freeForm: 'free_form',
  examples: [
    { title: 'Restart now, before the next task relies on it', yaml: 'meta: flush_handlers\n' },
    { title: 'Wait for all hosts', yaml: 'meta: barrier\n' },
  ],
  plan: () => engineOnly('meta'),
});

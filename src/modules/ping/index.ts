import { action } from '../../host/plan.ts';
import { sh } from '../../support/shell.ts';
import { defineModule } from '../define.ts';
import { PingSchema } from './schema.ts';

export const ping = defineModule({
  name: 'ping',
  summary: 'See whether a host can be reached, logged in to and made to run sh',
  args: PingSchema,
  examples: [{ title: 'Every host', yaml: 'ping: {}\n' }],
  returns: { ping: 'the data' },
  plan: (args) =>
    action({
      resource: 'ping',
      what: 'ask for an answer',
      mutates: false,
      effects: [],
      perform: {
        type: 'script',
        script: sh`printf '%s\n' pong`,
        result: (outcome) =>
          outcome.status === 0 && outcome.stdout.toString('latin1').trim() === 'pong'
            ? { changed: false, values: { ping: args.data } }
            : { changed: false, failed: true, msg: `sh on the host did not answer as it should (exit status ${String(outcome.status)})` },
      },
    }),
});

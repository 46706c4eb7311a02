import { action, waited, type ActionResult } from '../../host/plan.ts';
import { Secret } from '../../support/secret.ts';
import { defineModule } from '../define.ts';
import { PauseSchema } from './schema.ts';

export const pause = defineModule({
  name: 'pause',
  summary: 'Wait for some time, or for an answer from the person at the terminal',
  description: `Does nothing in check mode. A \`prompt\` where nobody can answer (a nightly run) fails: a question that nobody was asked
is not taken as answered. Put \`run_once: true\` on it, or every host asks.`,
  args: PauseSchema,
  examples: [
    { title: 'Ask before going on', yaml: 'pause:\n  prompt: Fail over now? Press Enter, or Ctrl-C to stop\nrun_once: true\n' },
    { title: 'Let things settle', yaml: 'pause:\n  seconds: 10\n' },
  ],
  returns: { user_input: 'the answer; a secret unless echo is on' },
  plan(args, host) {
    if (host.checkMode) return { type: 'skipped', because: 'check mode does not wait' };
    const question = args.prompt;
    const seconds = args.seconds ?? (args.minutes ?? 0) * 60;
    return action({
      resource: 'pause',
      what: question === undefined ? `${String(seconds)} s` : 'ask',
      mutates: false,
      effects: waited(host),
      // The engine's bound on the task must not cut the wait short; a person gets an hour.
      timeoutSeconds: question === undefined ? seconds + 60 : 3600,
      perform: {
        type: 'conversation',
        async converse(port): Promise<ActionResult> {
          if (question === undefined) {
            await port.sleep(seconds);
            return { changed: false };
          }
          const answer = await port.prompt(question, { hidden: !args.echo });
          if (answer === undefined) return { changed: false, failed: true, msg: 'there is no terminal where somebody could answer the prompt' };
          return { changed: false, values: { user_input: args.echo ? answer : new Secret(answer) } };
        },
      },
    });
  },
});

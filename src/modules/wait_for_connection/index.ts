import { action, type ActionResult } from '../../host/plan.ts';
import { defineModule } from '../define.ts';
import { untilAnswering } from '../reboot/answering.ts';
import { WaitForConnectionSchema } from './schema.ts';

export const waitForConnection = defineModule({
  name: 'wait_for_connection',
  summary: 'Wait until a host can be reached and runs sh again',
  description: 'Drops the connection and makes a new one, so that new group memberships count as well.',
  args: WaitForConnectionSchema,
  examples: [{ title: 'After its network was changed', yaml: 'wait_for_connection:\n  delay: 5\n  timeout: 300\n' }],
  returns: { elapsed: 'seconds that it took' },
  plan: (args) =>
    action({
      resource: 'connection',
      what: 'wait for it',
      mutates: false,
      effects: [],
      timeoutSeconds: args.delay + args.timeout + 60,
      perform: {
        type: 'conversation',
        async converse(port): Promise<ActionResult> {
          const from = performance.now();
          await port.sleep(args.delay);
          const problem = await untilAnswering(port, { timeoutSeconds: args.timeout, sleepSeconds: args.sleep, test: 'true', notBoot: undefined });
          const elapsed = Math.round((performance.now() - from) / 1000);
          if (problem !== undefined) return { changed: false, failed: true, msg: `no connection within ${String(args.timeout)} s: ${problem}`, values: { elapsed } };
          return { changed: false, values: { elapsed } };
        },
      },
    }),
});

import type { RE2JS } from 're2js';
import { action, failed, waited, type ActionPort, type ActionResult } from '../../host/plan.ts';
import { defineModule } from '../define.ts';
import { compilePattern, lookAtPath, lookAtPort, type Seen } from './look.ts';
import { WaitForSchema } from './schema.ts';

export const waitFor = defineModule({
  name: 'wait_for',
  summary: 'Wait until a TCP port or a path is there, or gone',
  description: `The port is tried from the host itself, through the SSH connection. In check mode it looks once
and never fails: what it waits for may be what the coming apply would start.`,
  args: WaitForSchema,
  examples: [
    { title: 'A service that has just been restarted', yaml: 'wait_for:\n  port: 2379\n  timeout: 60\n' },
    { title: 'An SSH banner elsewhere', yaml: 'wait_for:\n  host: db1.example.org\n  port: 22\n  search_regex: OpenSSH\n' },
    { title: 'A lock file to go away', yaml: 'wait_for:\n  path: /run/backup.lock\n  state: absent\n' },
  ],
  returns: { elapsed: 'seconds waited', state: 'the state waited for' },
  plan(args, host) {
    let pattern: RE2JS | undefined;
    try {
      if (args.search_regex !== undefined) pattern = compilePattern(args.search_regex);
    } catch (error) {
      return failed(`search_regex: ${error instanceof Error ? error.message : String(error)}`, 'write it in RE2 syntax (no look-around, no back-references)');
    }
    const wantThere = args.state === 'started' || args.state === 'present';
    const target = args.path ?? `port ${String(args.port)} of ${args.host}`;
    const look = (port: ActionPort): Promise<Seen> =>
      args.path === undefined ? lookAtPort(port, args.host, args.port ?? 0, pattern, args.connect_timeout) : lookAtPath(port, args.path, pattern);
    return action({
      resource: target,
      what: `wait until it is ${args.state}`,
      mutates: false,
      effects: waited(host),
      timeoutSeconds: args.delay + args.timeout + args.connect_timeout * 2 + 60,
      perform: {
        type: 'conversation',
        async converse(port): Promise<ActionResult> {
          const from = performance.now();
          const elapsed = (): number => (performance.now() - from) / 1000;
          if (!host.checkMode) await port.sleep(args.delay);
          for (;;) {
            const seen = await look(port);
            const values = { elapsed: Math.round(elapsed()), state: args.state };
            if (wantThere ? seen.there && seen.matched : !seen.there) return { changed: false, values };
            if (host.checkMode) return { changed: false, msg: `${target} is not ${args.state} (${seen.detail}); check mode does not wait`, values };
            const left = args.delay + args.timeout - elapsed();
            if (left <= 0) return { changed: false, failed: true, msg: args.msg ?? `${target} was not ${args.state} within ${String(args.timeout)} s: ${seen.detail}`, values };
            await port.sleep(Math.min(args.sleep, left));
          }
        },
      },
    });
  },
});

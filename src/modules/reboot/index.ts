/** Reboot a host and wait until it is another boot that answers. */
import { action, type ActionPort, type ActionResult } from '../../host/plan.ts';
import { Diagnostic } from '../../support/diagnostic.ts';
import { rawScript, sh, type Script } from '../../support/shell.ts';
import { defineModule } from '../define.ts';
import { BOOT_ID, untilAnswering } from './answering.ts';
import { RebootSchema } from './schema.ts';

function rebootScript(command: string | undefined, msg: string): Script {
  if (command !== undefined) return rawScript(command);
  return sh`PATH="$PATH:/usr/sbin:/sbin"; export PATH
if command -v shutdown >/dev/null 2>&1; then shutdown -r now ${msg}; else reboot; fi`;
}

/** Asks for the reboot. The connection may well be cut before the answer: that is no failure. */
async function ask(port: ActionPort, script: Script): Promise<string | undefined> {
  try {
    const outcome = await port.run(script, { timeoutSeconds: 60 });
    if (outcome.status === 0 || outcome.state !== 'done') return undefined;
    // Ended by a signal (128+n): the shutdown has reached us.
    if (outcome.status > 128) return undefined;
    return `the reboot command ended with exit status ${String(outcome.status)}: ${outcome.stderr.toString('utf8').trim().slice(-500)}`;
  } catch (error) {
    if (error instanceof Diagnostic && error.kind === 'unreachable') return undefined;
    throw error;
  }
}

export const reboot = defineModule({
  name: 'reboot',
  summary: 'Reboot a host and wait for it to come back',
  description: `Whether it has rebooted is told from the kernel's boot id, never guessed from a dropped connection. Always counts as
changed: put a \`when\` on it. All that is known of the host is forgotten. Other hosts go on meanwhile; use \`serial\`
or \`throttle\` where only some may be down at once.`,
  args: RebootSchema,
  examples: [
    { title: 'When the packages want it', yaml: 'reboot:\n  reboot_timeout: 1200\nwhen: reboot_required.stat.exists\n' },
    { title: 'Wait for a service as well', yaml: 'reboot:\n  test_command: systemctl is-active etcd\n' },
  ],
  returns: { rebooted: 'true', elapsed: 'seconds that it took' },
  plan: (args) =>
    action({
      resource: 'reboot',
      what: 'reboot and wait',
      mutates: true,
      timeoutSeconds: args.pre_reboot_delay + args.reboot_timeout + args.post_reboot_delay + 120,
      perform: {
        type: 'conversation',
        async converse(port): Promise<ActionResult> {
          const from = performance.now();
          const boot = (await port.run(BOOT_ID, { timeoutSeconds: 30 })).stdout.toString('latin1').trim();
          await port.sleep(args.pre_reboot_delay);
          const refused = await ask(port, rebootScript(args.reboot_command, args.msg));
          if (refused !== undefined) return { changed: false, failed: true, msg: refused };
          const problem = await untilAnswering(port, { timeoutSeconds: args.reboot_timeout, sleepSeconds: 2, test: args.test_command, notBoot: boot });
          const elapsed = Math.round((performance.now() - from) / 1000);
          if (problem !== undefined)
            return { changed: true, failed: true, msg: `the host did not come back within ${String(args.reboot_timeout)} s: ${problem}`, values: { rebooted: false, elapsed } };
          await port.sleep(args.post_reboot_delay);
          return { changed: true, values: { rebooted: true, elapsed } };
        },
      },
    }),
});

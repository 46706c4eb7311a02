/** The reporter of `facts`: one JSON object by host on stdout, trouble as text on stderr. */
import type { Output } from '../terminal/output.ts';
import type { Paint } from '../terminal/colour.ts';
import type { CliReporter } from './cli-reporter.ts';
import { textEvents } from './text-events.ts';

export function factsReporter(stdout: Output, stderr: Output, paint: Paint): CliReporter {
  const facts = new Map<string, unknown>();
  const trouble = textEvents({ verbose: 0, diff: false, paint });
  return {
    event(event) {
      if (event.type === 'task' && event.status === 'ok' && event.result !== undefined) {
        const result: unknown = JSON.parse(event.result);
        facts.set(event.host, typeof result === 'object' && result !== null && 'ansible_facts' in result ? result.ansible_facts : result);
      } else if (event.type === 'warning' || (event.type === 'task' && (event.status === 'failed' || event.status === 'unreachable'))) {
        for (const line of trouble(event)) stderr.write(`${line}\n`);
      }
    },
    aborted: () => undefined,
    async close() {
      await Promise.resolve();
      stdout.write(`${JSON.stringify(Object.fromEntries([...facts].sort(([a], [b]) => (a < b ? -1 : 1))), undefined, 2)}\n`);
      stdout.close();
    },
  };
}

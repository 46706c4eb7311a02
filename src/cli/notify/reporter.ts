/** `--notify`: gathers the run and, when it has ended and there is something to say, tells whom the inventory names. */
import type { RunEvent } from '../../run/events.ts';
import { openStore, type Environment } from '../../state/open-store.ts';
import { maskSecrets } from '../../support/secret.ts';
import type { CliReporter } from '../reporters/cli-reporter.ts';
import { Collector } from '../report/collect.ts';
import type { RunReport } from '../report/model.ts';
import type { Notify, NotifyEvent } from './config.ts';
import { recoveredHosts, tellingEvents, type EarlierHosts } from './decide.ts';
import type { Message } from './digest.ts';

/** Earlier runs that are asked how the hosts were. */
const MOST_EARLIER = 5;

export interface NotifierOptions {
  readonly warn: (message: string) => void;
  readonly stop: AbortSignal;
  /** The hosts of earlier runs, the newest first. */
  readonly earlier: (report: RunReport) => Promise<readonly EarlierHosts[]>;
  readonly now?: () => number;
  readonly pauseSeconds?: number;
}

export interface Notifier extends CliReporter {
  /** Whom to tell; until it is known nobody can be told. */
  configure(notify: Notify): void;
  /** How many messages could not be sent, once `close` is done. */
  readonly failed: Promise<number>;
}

/** The hosts of the runs before this one with the same inventory and playbook. @param but runs that belong to this one */
export async function earlierHosts(report: RunReport, environment: Environment, but: readonly string[] = []): Promise<readonly EarlierHosts[]> {
  const store = await openStore({ environment });
  try {
    const runs = await store.listRuns({ limit: 50, inventory: report.inventory });
    const before = runs.filter((run) => run.id !== report.run && !but.includes(run.id) && run.playbook === report.playbook && run.mode !== 'verify' && run.startedAt <= report.startedAt).slice(0, MOST_EARLIER);
    const hosts: EarlierHosts[] = [];
    for (const { id } of before) {
      const run = await store.showRun(id);
      if (run !== undefined) hosts.push(run.hosts);
    }
    return hosts;
  } finally {
    await store.close();
  }
}

function problem(options: Pick<NotifierOptions, 'warn'>, what: string, error: unknown): void {
  options.warn(`${what}: ${maskSecrets(error instanceof Error ? error.message : String(error))}`);
}

/** What of a run is worth a message, whether or not anybody wants to hear of it. */
export async function worthTelling(report: RunReport, options: Pick<NotifierOptions, 'warn' | 'earlier' | 'now'>): Promise<{ readonly events: readonly NotifyEvent[]; readonly recovered: readonly string[] }> {
  let earlier: readonly EarlierHosts[] = [];
  try {
    if (report.hosts.length > 0) earlier = await options.earlier(report);
  } catch (error) {
    problem(options, 'which hosts are well again is not known, the history cannot be read', error);
  }
  const recovered = recoveredHosts(report, earlier);
  return { recovered, events: tellingEvents(report, recovered, (options.now ?? Date.now)()) };
}

/** Tells everybody. @returns how many could not be told, each of them said as a warning */
export async function sendMessages(notify: Notify, message: Message, options: Pick<NotifierOptions, 'warn' | 'stop' | 'pauseSeconds'>): Promise<number> {
  const send = { tries: notify.tries, stop: options.stop, ...(options.pauseSeconds === undefined ? {} : { pauseSeconds: options.pauseSeconds }) };
  const sent: Promise<boolean>[] = [];
  const one = (what: string, work: () => Promise<void>): void => {
    sent.push(work().then(() => true, (error: unknown) => {
      problem(options, `not notified: ${what}`, error);
      return false;
    }));
  };
  const { mail } = notify;
  if (mail !== undefined) one(`the mail to ${mail.to.join(', ')} was not sent`, async () => (await import('./mail.ts')).sendMail(mail, message, send));
  for (const hook of notify.webhook ?? []) one('a webhook was not told', async () => (await import('./webhook.ts')).sendWebhook(hook, message, send));
  return (await Promise.all(sent)).filter((done) => !done).length;
}

export function notifier(options: NotifierOptions): Notifier {
  const now = options.now ?? Date.now;
  const collector = new Collector();
  let config: Notify | undefined;
  let begun: number | undefined;
  let resolve: (failed: number) => void = () => undefined;
  const failed = new Promise<number>((done) => {
    resolve = done;
  });
  async function tell(notify: Notify): Promise<number> {
    const report = collector.report();
    const at = now();
    const { recovered, events } = await worthTelling(report, { ...options, now: () => at });
    const wanted = events.filter((event) => notify.events.includes(event));
    return wanted.length === 0 ? 0 : sendMessages(notify, { report, events: wanted, recovered, link: notify.link, now: at }, options);
  }

  return {
    failed,
    configure(notify) {
      config = notify;
    },
    event(event: RunEvent) {
      begun ??= now();
      collector.event(event, (now() - begun) / 1000);
    },
    aborted(error, status) {
      collector.aborted(error, status);
    },
    async close() {
      let count = 0;
      try {
        if (config !== undefined) count = await tell(config);
      } catch (error) {
        // Whatever it is: what the run did stands.
        problem(options, 'not notified', error);
        count = 1;
      } finally {
        resolve(count);
      }
    },
  };
}

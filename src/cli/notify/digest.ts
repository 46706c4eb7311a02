/** A run in a few paragraphs, for mail and webhooks: what came of it, what failed, what changed, what is coming. Pure, bounded, without diffs. */
import { html, htmlPage } from '../../support/html.ts';
import { maskSecrets } from '../../support/secret.ts';
import { safeLine, safeLines } from '../../support/terminal-text.ts';
import { duration, plural } from '../reporters/counts.ts';
import { calendars, overdue, type CalendarRow } from '../report/calendar.ts';
import type { ChangeGroup, RunReport, TroubleGroup } from '../report/model.ts';
import { moment, namedHosts, outcome, taskTitle } from '../report/words.ts';
import type { NotifyEvent } from './config.ts';

/** What a message is made of. */
export interface Message {
  readonly report: RunReport;
  readonly events: readonly NotifyEvent[];
  /** Hosts that are well again. */
  readonly recovered: readonly string[];
  readonly link: string | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** In place of the run's outcome, for what is no run: one that was missed, say. */
  readonly headline?: string;
}

const MOST_TROUBLES = 20;
const MOST_CHANGES = 40;
const MOST_COMING = 10;
const TEXT_LINES = 12;
const HOSTS_NAMED = 8;
const SUBJECT = 160;

const line = (text: string): string => safeLine(maskSecrets(text));

function headlineOf({ report, headline }: Message): string {
  return headline ?? outcome(report).text;
}

/** `[care-provision] inventory/production: failed: 1 of 12 hosts failed` */
export function subject(message: Message): string {
  const { report, recovered, events } = message;
  const also = recovered.length === 0 ? '' : events.length === 1 ? `, ${plural(recovered.length, 'host')} well again` : `, ${String(recovered.length)} well again`;
  const late = events.includes('calendar') ? overdue(report, message.now) : [];
  const look = late.length === 0 ? '' : `, ${late.length === 1 ? `look at ${late[0]?.name ?? ''}: ${late[0]?.words ?? ''}` : `${String(late.length)} certificates and backups to look at`}`;
  const text = line(`[care-provision] ${report.inventory}: ${headlineOf(message)}${also}${look}`);
  return text.length <= SUBJECT ? text : `${text.slice(0, SUBJECT - 1)}…`;
}

interface Part {
  readonly title: string;
  readonly entries: readonly { readonly head: string; readonly hosts: string; readonly text: string }[];
  readonly more: number;
}

function part<T>(title: string, all: readonly T[], most: number, entry: (one: T) => Part['entries'][number]): readonly Part[] {
  return all.length === 0 ? [] : [{ title, entries: all.slice(0, most).map(entry), more: Math.max(0, all.length - most) }];
}

function shortened(text: string): string {
  const lines = maskSecrets(text).trim().split('\n');
  return lines.length <= TEXT_LINES ? lines.join('\n') : [...lines.slice(0, TEXT_LINES), `… (${plural(lines.length - TEXT_LINES, 'more line')})`].join('\n');
}

function parts({ report, recovered, now, headline }: Message): readonly Part[] {
  const trouble = (group: TroubleGroup): Part['entries'][number] => ({ head: `${group.status}: ${taskTitle(group)}`, hosts: namedHosts(group.hosts, HOSTS_NAMED), text: shortened(group.text) });
  const change = (group: ChangeGroup): Part['entries'][number] => ({ head: `${group.unknown ? 'may: ' : ''}${taskTitle(group)} — ${group.resource}: ${group.what}`, hosts: namedHosts(group.hosts, HOSTS_NAMED), text: '' });
  const coming = (row: CalendarRow): Part['entries'][number] => ({ head: `${row.name}: ${row.words}`, hosts: namedHosts(row.hosts, HOSTS_NAMED), text: '' });
  const { certificates, backups, versions } = calendars(report, now);
  const pressing = [...certificates, ...backups, ...versions].filter((row) => row.tone === 'bad' || row.tone === 'warn');
  return [
    ...(report.aborted === undefined ? [] : [{ title: headline === undefined ? 'Why it ended' : 'What is known', entries: [{ head: '', hosts: '', text: shortened(report.aborted) }], more: 0 }]),
    ...part('Failed', report.troubles.filter((group) => group.status === 'failed' || group.status === 'unreachable'), MOST_TROUBLES, trouble),
    ...part('Could not be told', report.troubles.filter((group) => group.status === 'unknown'), MOST_TROUBLES, trouble),
    ...part(report.mode === 'check' ? 'Drifted' : 'Changed', report.changes, MOST_CHANGES, change),
    ...part('Left as it is', report.policy?.left ?? [], MOST_CHANGES, change),
    ...part('Well again', recovered, MOST_TROUBLES, (host) => ({ head: host, hosts: '', text: '' })),
    ...part('Coming', pressing, MOST_COMING, coming),
  ];
}

function facts({ report, link }: Message): readonly string[] {
  const who = report.user === '' ? '' : `, by ${report.user} on ${report.controller}`;
  return [
    ...(report.policy?.notes ?? []),
    report.startedAt === '' ? '' : `${report.mode} ${report.inventory}, ${moment(report.startedAt)}${report.seconds === undefined ? '' : `, ${duration(report.seconds)}`}${who}`,
    report.run === '' ? '' : `more: care-provision history show ${report.run}`,
    link === undefined ? '' : `reports: ${link}`,
  ].filter((text) => text !== '');
}

/** The plain text of a mail; lines end with newlines. */
export function digestText(message: Message): string {
  const lines = [line(headlineOf(message)), ...facts(message).map(line)];
  for (const { title, entries, more } of parts(message)) {
    lines.push('', title.toUpperCase());
    for (const { head, hosts, text } of entries) {
      if (head !== '') lines.push(`* ${line(head)}`);
      if (hosts !== '') lines.push(`  on ${line(hosts)}`);
      if (text !== '') lines.push(...safeLines(text).split('\n').map((each) => `    ${each}`));
    }
    if (more > 0) lines.push(`  and ${String(more)} more`);
  }
  return `${lines.join('\n')}\n`;
}

/** The HTML of a mail: few tags and no pictures, so that it reads in every client, in light and dark. */
export function digestHtml(message: Message): string {
  const tone = message.headline === undefined ? outcome(message.report).tone : 'bad';
  return htmlPage({
    title: subject(message),
    style: 'body { padding: 1rem; max-width: 44rem; } ul { padding-left: 1.2rem; } li { margin: .4rem 0; } pre { white-space: pre-wrap; margin: .2rem 0; }',
    body: html`<h1 class="${tone}">${headlineOf(message)}</h1>
${facts(message).map((fact) => html`<p>${fact}</p>`)}
${parts(message).map(({ title, entries, more }) => html`<h2>${title}</h2>
<ul>${entries.map(({ head, hosts, text: long }) => html`<li>${head !== '' && html`<b>${head}</b>`}${hosts !== '' && html`<br>${hosts}`}${long !== '' && html`<pre>${long}</pre>`}</li>
`)}${more > 0 && html`<li>and ${more} more</li>`}</ul>`)}`,
  });
}

function changeJson(group: ChangeGroup): unknown {
  return { role: group.role, task: group.task, resource: group.resource, what: group.what, unknown: group.unknown, hosts: group.hosts.named.slice(0, HOSTS_NAMED), host_count: group.hosts.count };
}

/** The body of a webhook: stable names, bounded lists with how many there are in all. `docs/reports.md` is its reference. */
export function digestJson(message: Message): Readonly<Record<string, unknown>> {
  const { report, events, recovered, link, now } = message;
  const { certificates, backups, versions } = calendars(report, now);
  const hostsOf = (state: string): readonly string[] => report.hosts.filter((host) => host.state === state).map((host) => host.name).slice(0, 100);
  const count = (state: string): number => report.hosts.filter((host) => host.state === state).length;
  const states = ['failed', 'unreachable', 'unfinished', 'unknown', 'changed', 'converged'];
  const row = ({ name, date, words, hosts }: CalendarRow): unknown => ({ name, date: date ?? null, words, hosts: hosts.named.slice(0, HOSTS_NAMED), host_count: hosts.count });
  return {
    type: 'care_provision.run', format: 1, run: report.run, time: report.endedAt ?? new Date(now).toISOString(), mode: report.mode, inventory: report.inventory, playbook: report.playbook, controller: report.controller, user: report.user,
    status: report.status ?? null, outcome: headlineOf(message), events, seconds: report.seconds ?? null, error: report.aborted ?? null, link: link ?? null,
    host_counts: Object.fromEntries(states.map((state) => [state, count(state)])),
    hosts: { failed: hostsOf('failed'), unreachable: hostsOf('unreachable'), unknown: hostsOf('unknown'), changed: hostsOf('changed'), recovered: recovered.slice(0, 100) },
    troubles: report.troubles.slice(0, MOST_TROUBLES).map((group) => ({ status: group.status, role: group.role, task: group.task, at: group.place, text: shortened(group.text), hosts: group.hosts.named.slice(0, HOSTS_NAMED), host_count: group.hosts.count })),
    trouble_count: report.troubles.length,
    changes: report.changes.slice(0, MOST_CHANGES).map(changeJson),
    change_count: report.changes.length,
    policy: report.policy === undefined ? null : { notes: report.policy.notes, left: report.policy.left.slice(0, MOST_CHANGES).map(changeJson), left_count: report.policy.left.length },
    coming: [...certificates, ...backups, ...versions].filter((one) => one.tone === 'bad' || one.tone === 'warn').slice(0, MOST_COMING).map(row),
  };
}

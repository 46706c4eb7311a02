/** The report of a run as one HTML file that needs nothing else: for reading on any screen, mailing and keeping. */
import { html, Html, htmlPage } from '../../support/html.ts';
import { COUNTED, duration, plural } from '../reporters/counts.ts';
import { calendarSection } from './html-calendar.ts';
import { changesSection, leftSection, troubleSections } from './html-changes.ts';
import { timelineSection } from './html-timeline.ts';
import { HOST_STATES, hostsByState, type RunReport } from './model.ts';
import { STYLE } from './style.ts';
import { moment, outcome, stateTone, stateWord, taskTitle } from './words.ts';

/** Rows of the table of hosts; those with trouble come first. */
const MOST_HOSTS = 1000;
const MOST_WARNINGS = 100;

/** A part of the page, with the words for the list of contents. */
export interface Section {
  readonly id: string;
  readonly title: string;
  readonly count?: string;
  readonly body: Html;
}

function sectionHtml({ id, title, count, body }: Section): Html {
  return html`<section id="${id}" aria-labelledby="${id}-h"><h2 id="${id}-h">${title}${count !== undefined && html` <span class="count">${count}</span>`}</h2>
${body}
</section>
`;
}

/** `inventory at 3f2a91c04b1d (main)`; nothing of what is not under git. */
function revision({ of, commit, branch, dirty }: RunReport['revisions'][number]): string {
  return commit === null ? '' : `${of} at ${commit.slice(0, 12)}${branch === null ? '' : ` (${branch})`}${dirty === true ? ' with uncommitted changes' : ''}`;
}

function metaHtml(report: RunReport): Html {
  const rows: readonly (readonly [string, string])[] = [
    ['inventory', report.inventory],
    ['playbook', report.playbook],
    ['begun', moment(report.startedAt)],
    ['took', report.seconds === undefined ? '' : duration(report.seconds)],
    ['by', report.user === '' ? '' : `${report.user} on ${report.controller}${report.origin === undefined ? '' : ` (${report.origin})`}`],
    ['command', report.arguments.join(' ')],
    ['from', [...new Set(report.revisions.map(revision))].filter((text) => text !== '').join('; ')],
    ['run', report.run],
  ];
  return html`<dl class="meta">${rows.filter(([, value]) => value !== '').map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
}

function statesHtml(report: RunReport): Html {
  const states = hostsByState(report);
  const shown = HOST_STATES.filter((state) => states[state] > 0 || state === 'converged');
  return html`<ul class="states" aria-label="hosts by how they came out">${shown.map((state) => html`<li class="${states[state] > 0 && stateTone(state, report)}"><b>${states[state]}</b> <span>${stateWord(state, report)}</span></li>`)}</ul>`;
}

/** Hosts of which there is nothing to say but their names. */
function quietHtml(names: readonly string[], word: string): Html {
  const rest = names.length - MOST_HOSTS;
  return html`<details class="entry"><summary>${plural(names.length, 'host')} ${word}</summary><p class="hosts">${names.slice(0, MOST_HOSTS).join(', ')}${rest > 0 && ` and ${String(rest)} more`}</p></details>`;
}

function hostsSection(report: RunReport): readonly Section[] {
  if (report.hosts.length === 0) return [];
  const telling = report.hosts.filter((host) => host.state !== 'converged');
  const quiet = report.hosts.filter((host) => host.state === 'converged');
  const columns = COUNTED.filter((column) => telling.some((host) => (host.counts?.[column] ?? 0) > 0));
  const shown = telling.slice(0, MOST_HOSTS);
  const rest = telling.length - shown.length;
  const cell = (value: number, label: string): Html => html`<td class="n${value === 0 && ' zero'}" data-label="${label}">${value}</td>`;
  const label = (column: (typeof COUNTED)[number]): string => (column === 'changed' && report.mode === 'check' ? 'would change' : column);
  return [
    {
      id: 'hosts', title: 'Hosts', count: String(report.hosts.length),
      body: html`${shown.length > 0 && html`<div class="scroll" tabindex="0" role="region" aria-label="table of hosts"><table class="cards"><caption>Tasks by how they ended, hosts with trouble first</caption><thead><tr><th scope="col">host</th><th scope="col">came out</th>${columns.map((column) => html`<th scope="col" class="n">${label(column)}</th>`)}</tr></thead><tbody>
${shown.map((host) => html`<tr><th scope="row">${host.name}</th><td class="wide"><span class="tag ${stateTone(host.state, report)}">${stateWord(host.state, report)}</span></td>${columns.map((column) => cell(host.counts?.[column] ?? 0, label(column)))}</tr>
`)}</tbody></table></div>`}${rest > 0 && html`<p class="soft">${plural(rest, 'more host')} not shown, none of them with more trouble than those above.</p>`}${quiet.length > 0 && quietHtml(quiet.map((host) => host.name), stateWord('converged', report))}`,
    },
  ];
}

function slowestSection(report: RunReport): readonly Section[] {
  const slow = report.slowest.filter((task) => task.seconds >= 0.1);
  if (slow.length === 0) return [];
  return [
    {
      id: 'slowest', title: 'Slowest tasks',
      body: html`<table class="fit"><thead><tr><th scope="col" class="n">time</th><th scope="col">task</th></tr></thead><tbody>${slow.map((task) => html`<tr><td class="n">${duration(task.seconds)}</td><td>${taskTitle(task)}<br><span class="hosts">${task.host}</span></td></tr>`)}</tbody></table>`,
    },
  ];
}

function warningsSection(report: RunReport): readonly Section[] {
  if (report.warnings.length === 0) return [];
  const shown = report.warnings.slice(0, MOST_WARNINGS);
  return [
    {
      id: 'warnings', title: 'Warnings', count: String(report.warnings.length),
      body: html`<ul>${shown.map((warning) => html`<li>${warning.host !== undefined && html`<b>${warning.host}</b>: `}${warning.message}</li>`)}</ul>${report.warnings.length > shown.length && html`<p class="soft">${plural(report.warnings.length - shown.length, 'more warning')} not shown.</p>`}`,
    },
  ];
}

function abortedSection(report: RunReport): readonly Section[] {
  return report.aborted === undefined ? [] : [{ id: 'ended', title: 'Why it ended', body: html`<pre>${report.aborted}</pre>` }];
}

/**
 * The whole page: failures and doubts first, then what changed, where, when, and what is coming.
 *
 * @param now milliseconds since 1970, by which the calendars tell ages
 * @returns text of at most a few megabytes, whatever the run
 */
export function runHtml(report: RunReport, now: number): string {
  const { text, tone } = outcome(report);
  const left: string[] = [];
  const sections: readonly Section[] = [
    ...abortedSection(report),
    ...troubleSections(report, ['failed', 'unreachable', 'unknown'], left),
    ...changesSection(report, left),
    ...leftSection(report, left),
    ...troubleSections(report, ['rescued', 'ignored'], left),
    ...hostsSection(report),
    ...timelineSection(report),
    ...slowestSection(report),
    ...calendarSection(report, now),
    ...warningsSection(report),
  ];
  const omitted = [...report.leftOut, ...left];
  const title = `${report.mode} ${report.inventory}`;
  return htmlPage({
    title: `${title}: ${text}`,
    style: STYLE,
    body: html`<a class="skip" href="#main">to the findings</a>
<header><h1>${title}</h1><p class="verdict ${tone}">${text}</p>${(report.policy?.notes ?? []).map((note) => html`<p>${note}</p>`)}${metaHtml(report)}${statesHtml(report)}
<nav aria-label="contents"><ul>${sections.map(({ id, title: words, count }) => html`<li><a href="#${id}">${words}${count !== undefined && ` ${count}`}</a></li>`)}</ul></nav>
${omitted.length > 0 && html`<p class="soft">Left out of this page: ${omitted.join('; ')}. <code>care-provision history show ${report.run}</code> has more.</p>`}</header>
<main id="main">
${sections.map(sectionHtml)}</main>
<footer><p class="soft">Secrets are masked. Made by care-provision ${report.version}.</p></footer>`,
  });
}

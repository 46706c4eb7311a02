/** What failed, what could not be told, what changed: the parts of the page that a reader comes for. */
import { html, type Html } from '../../support/html.ts';
import { plural } from '../reporters/counts.ts';
import type { Section } from './html.ts';
import type { ChangeGroup, RunReport, TroubleGroup } from './model.ts';
import { moment, namedHosts, taskTitle, type Tone } from './words.ts';

/** Entries of one section, and characters of all diffs together: a page is for reading. */
const MOST_TROUBLES = 100;
const MOST_CHANGES = 500;
const DIFF_LINES = 80;
const ALL_DIFFS = 1_500_000;
const HOSTS_NAMED = 12;

const TROUBLE: Readonly<Record<TroubleGroup['status'], { readonly id: string; readonly title: string; readonly tone: Tone }>> = {
  failed: { id: 'failed', title: 'Failed', tone: 'bad' },
  unreachable: { id: 'unreachable', title: 'Unreachable', tone: 'bad' },
  unknown: { id: 'unknown', title: 'Could not be told', tone: 'doubt' },
  rescued: { id: 'rescued', title: 'Failed and rescued', tone: 'warn' },
  ignored: { id: 'ignored', title: 'Failed and ignored', tone: 'warn' },
};

function hostsHtml(hosts: ChangeGroup['hosts'], all: number): Html {
  const words = hosts.count === all && all > 3 ? `all ${String(all)} hosts` : `${hosts.count > 1 ? `${plural(hosts.count, 'host')}: ` : ''}${namedHosts(hosts, HOSTS_NAMED)}`;
  return html`<span class="hosts">${words}</span>`;
}

function troubleHtml(group: TroubleGroup, all: number): Html {
  const { tone } = TROUBLE[group.status];
  return html`<div class="entry"><p><span class="tag ${tone}">${group.status}</span> <b>${taskTitle(group)}</b></p><p>${hostsHtml(group.hosts, all)}</p>
${group.text.trim() !== '' && html`<pre>${group.text.trimEnd()}</pre>`}${group.place !== '' && html`<p class="where">${group.module} at ${group.place}</p>`}</div>
`;
}

/** Sections of tasks that did not just work, one a status. @param left is told what is not shown */
export function troubleSections(report: RunReport, statuses: readonly TroubleGroup['status'][], left: string[]): readonly Section[] {
  return statuses.flatMap((status): readonly Section[] => {
    const groups = report.troubles.filter((group) => group.status === status);
    if (groups.length === 0) return [];
    const shown = groups.slice(0, MOST_TROUBLES);
    if (groups.length > shown.length) left.push(`${plural(groups.length - shown.length, 'more entry', 'more entries')} under “${TROUBLE[status].title}”`);
    return [{ id: TROUBLE[status].id, title: TROUBLE[status].title, count: String(groups.length), body: html`${shown.map((group) => troubleHtml(group, report.hosts.length))}` }];
  });
}

function diffLine(line: string): Html {
  // The heads of a unified diff are no changes.
  if (/^(---|\+\+\+) /.test(line)) return html`${line}`;
  if (line.startsWith('+')) return html`<span class="add">${line}</span>`;
  if (line.startsWith('-')) return html`<span class="del">${line}</span>`;
  return line.startsWith('@@') ? html`<span class="at">${line}</span>` : html`${line}`;
}

/** Hands out what room for diffs is left. */
class Room {
  left = ALL_DIFFS;
  refused = 0;

  take(text: string): readonly string[] | undefined {
    if (text.length > this.left) {
      this.refused += 1;
      return undefined;
    }
    this.left -= text.length;
    return text.trimEnd().split('\n');
  }
}

function diffHtml(diff: ChangeGroup['diffs'][number], several: boolean, room: Room): Html {
  const lines = room.take(diff.text);
  if (lines === undefined) return html``;
  const rest = lines.length - DIFF_LINES;
  return html`${several && html`<p class="hosts">as on ${diff.host}:</p>`}<pre tabindex="0">${lines.slice(0, DIFF_LINES).map((line, i) => html`${i > 0 && '\n'}${diffLine(line)}`)}${rest > 0 && `\n… (${plural(rest, 'more line')})`}</pre>`;
}

function changeHtml(group: ChangeGroup, report: RunReport, room: Room): Html {
  const head = html`${group.unknown && html`<span class="tag doubt">may</span> `}<b>${group.resource}</b>: ${group.what}`;
  const hosts = hostsHtml(group.hosts, report.hosts.length);
  const seen = group.seen !== undefined && html`<p class="where">last written ${moment(group.seen.modified)}${group.hosts.count > 1 && ` on ${group.seen.host}`}, owned by ${group.seen.owner}</p>`;
  if (group.diffs.length === 0) return html`<div class="entry"><p>${head}</p><p>${hosts}</p>${seen}</div>
`;
  const several = group.diffs.length > 1 || group.moreDiffs > 0;
  return html`<details class="entry"><summary>${head} <span class="where">diff</span>${hosts}</summary>
${group.diffs.map((diff) => diffHtml(diff, several, room))}${group.moreDiffs > 0 && html`<p class="hosts">${plural(group.moreDiffs, 'host')} with other differences, not shown</p>`}${seen}</details>
`;
}

/** Those on the most hosts, in the order of the run. */
function widest(groups: readonly ChangeGroup[], most: number): readonly ChangeGroup[] {
  if (groups.length <= most) return groups;
  const chosen = new Set([...groups].sort((a, b) => b.hosts.count - a.hosts.count).slice(0, most));
  return groups.filter((group) => chosen.has(group));
}

/** What changed or would change, by task. @param left is told what is not shown */
export function changesSection(report: RunReport, left: string[]): readonly Section[] {
  return byTask('changes', report.mode === 'check' ? 'What drifted' : 'What changed', report.changes, report, left);
}

/** What a nightly run has found and, by its policy, left as it is. @param left is told what is not shown */
export function leftSection(report: RunReport, left: string[]): readonly Section[] {
  return byTask('left', 'Left as it is', report.policy?.left ?? [], report, left);
}

function byTask(id: string, title: string, changes: readonly ChangeGroup[], report: RunReport, left: string[]): readonly Section[] {
  if (changes.length === 0) return [];
  const shown = widest(changes, MOST_CHANGES);
  if (changes.length > shown.length) left.push(plural(changes.length - shown.length, 'more change'));
  const room = new Room();
  const tasks = new Map<string, ChangeGroup[]>();
  for (const group of shown) {
    const name = taskTitle(group);
    tasks.set(name, [...(tasks.get(name) ?? []), group]);
  }
  const body = html`${[...tasks].map(([name, groups]) => html`<h3>${name}</h3>
${groups.map((group) => changeHtml(group, report, room))}`)}`;
  if (room.refused > 0) left.push(plural(room.refused, 'diff'));
  return [{ id, title, count: String(changes.length), body }];
}

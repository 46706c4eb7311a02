/** What keeps coming back, as text. */
import type { Episode, Recurrence } from '../../state/recurrence.ts';
import { safeLine } from '../../support/terminal-text.ts';
import { plural } from './counts.ts';
import { indentedDiff } from './history.ts';

const INPUT_WORDS = { same: 'with the same inventory, playbooks and roles', changed: 'the inventory, playbooks or roles have changed since the repair before', unknown: 'whether the inputs were the same is not known' } as const;

function episodeLines(episode: Episode, diff: boolean): string[] {
  const { repair } = episode;
  const what = (repair?.what ?? episode.what).map(safeLine).join('; ');
  const found = repair === null || episode.foundBy === repair.run ? '' : `, found ${episode.foundAt} by run ${episode.foundBy}`;
  return [
    repair === null ? `    ${episode.foundAt}  found by run ${episode.foundBy}, not mended: ${what}` : `    ${repair.at}  mended by run ${repair.run} (${safeLine(repair.user)} on ${safeLine(repair.controller)})${found}: ${what}`,
    ...(episode.inputs === null ? [] : [`      ${INPUT_WORDS[episode.inputs]}`]),
    ...(episode.seen === null ? [] : [`      the file found was last written ${episode.seen.modified}, owner ${safeLine(episode.seen.owner)}`]),
    ...(diff && repair !== null ? repair.diffs.flatMap(indentedDiff) : []),
  ];
}

/** Who else changes it, as far as it can be known. */
function whoLines(recurrence: Recurrence): string[] {
  const { writers, episodes } = recurrence;
  const lines: string[] = [];
  if (writers.length > 1) {
    lines.push('    who else: in this history it is changed by more than one:');
    for (const w of writers) lines.push(`      ${w.role === '' ? '' : `${safeLine(w.role)} : `}${safeLine(w.task)}, inventory ${safeLine(w.inventory)}, ${safeLine(w.user)} on ${safeLine(w.controller)}`);
    return lines;
  }
  const owners = [...new Set(episodes.flatMap((e) => (e.seen === null ? [] : [e.seen.owner])))];
  const hint = owners.length === 0 ? '' : `; as it was found it belonged to ${owners.map(safeLine).join(', ')}`;
  return [`    who else: unknown, nothing else in this history changes it${hint}. Which process did cannot be told afterwards: watch it with auditctl -w`];
}

/** @returns text with a final newline */
export function driftText(found: readonly Recurrence[], days: number, diff: boolean): string {
  if (found.length === 0) return `nothing has come back in ${plural(days, 'day')}\n`;
  const things = new Map<string, Recurrence[]>();
  for (const each of found) things.set(each.resource, [...(things.get(each.resource) ?? []), each]);
  const lines: string[] = [];
  for (const [resource, hosts] of things) {
    lines.push(`${safeLine(resource)} on ${plural(hosts.length, 'host')}`);
    for (const each of hosts) {
      lines.push(`  [${safeLine(each.host)}] ${plural(each.times, 'time')} since ${each.since}, last ${each.last}${each.mended ? '' : ', not mended'}`);
      lines.push(...each.episodes.flatMap((episode) => episodeLines(episode, diff)), ...whoLines(each));
    }
    lines.push('');
  }
  lines.push(`${plural(things.size, 'thing')} came back in ${plural(days, 'day')}`);
  return `${lines.join('\n')}\n`;
}

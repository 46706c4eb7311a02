/** What is coming: certificates that end, backups that grow old, versions that lose their support. */
import { html, type Html } from '../../support/html.ts';
import { plural } from '../reporters/counts.ts';
import { calendars, type CalendarRow } from './calendar.ts';
import { CHECKED, PRODUCTS } from './end-of-life.ts';
import type { Section } from './html.ts';
import type { RunReport } from './model.ts';
import { namedHosts } from './words.ts';

const MOST_ROWS = 100;
const HOSTS_NAMED = 6;

function table(rows: readonly CalendarRow[], name: string, date: string): Html {
  const shown = rows.slice(0, MOST_ROWS);
  return html`<table class="cards"><thead><tr><th scope="col">${name}</th><th scope="col">${date}</th><th scope="col">that is</th><th scope="col">hosts</th></tr></thead><tbody>
${shown.map((row) => html`<tr><th scope="row">${row.name}</th><td class="fit">${row.date ?? '–'}</td><td class="fit ${row.tone}">${row.tone === 'bad' ? '✗ ' : row.tone === 'warn' ? '! ' : row.tone === 'doubt' ? '? ' : '✓ '}${row.words}</td><td class="wide hosts">${namedHosts(row.hosts, HOSTS_NAMED)}</td></tr>
`)}</tbody></table>${rows.length > shown.length && html`<p class="soft">${plural(rows.length - shown.length, 'later one')} not shown.</p>`}`;
}

export function calendarSection(report: RunReport, now: number): readonly Section[] {
  const { certificates, backups, versions } = calendars(report, now);
  if (certificates.length + backups.length + versions.length === 0) return [];
  const products = new Set(report.observations.flatMap((seen) => (seen.subject === 'version' && Object.hasOwn(PRODUCTS, seen.name) ? [seen.name] : [])));
  const sources = [...products].flatMap((name) => (PRODUCTS[name] === undefined ? [] : [`${PRODUCTS[name].title}: ${PRODUCTS[name].source}`]));
  const none = (what: string): Html => html`<p class="soft">No task of this run has looked at ${what}.</p>`;
  return [
    { id: 'certificates', title: 'Certificates', ...(certificates.length === 0 ? {} : { count: String(certificates.length) }), body: certificates.length === 0 ? none('certificates') : table(certificates, 'certificate', 'ends') },
    { id: 'backups', title: 'Backups', ...(backups.length === 0 ? {} : { count: String(backups.length) }), body: backups.length === 0 ? none('backups') : table(backups, 'backup', 'finished') },
    ...(versions.length === 0 ? [] : [{ id: 'versions', title: 'Versions', body: html`${table(versions, 'version', 'end of life')}<p class="soft">Dates as of ${CHECKED}${sources.length > 0 && ` (${sources.join('; ')})`}.</p>` }]),
  ];
}

import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { runHtml } from '../../../../src/cli/report/html.ts';
import { recordedReport } from '../../../../src/cli/report/from-history.ts';
import type { RunEvent } from '../../../../src/run/events.ts';
import { html, htmlPage } from '../../../../src/support/html.ts';
import { register } from '../fakes.ts';
import { gathered } from './gathered.ts';
import { change, crowd, night, NONE, NOW, start, summary, task } from './sample.ts';

/** Titles of the page's sections, in order. */
function titles(page: string): string[] {
  return [...page.matchAll(/<h2 id="[^"]+">([^<]+?)(?: <span|<\/h2>)/g)].map((match) => match[1] ?? '');
}

describe('a night', () => {
  const page = runHtml(gathered(night()), NOW);

  test('failures and doubts come first, then what drifted, then what is coming', () => {
    expect(titles(page)).toEqual(['Failed', 'Unreachable', 'Could not be told', 'What drifted', 'Failed and ignored', 'Hosts', 'Timeline', 'Slowest tasks', 'Certificates', 'Backups', 'Versions', 'Warnings']);
    expect(page).toContain('<p class="verdict bad">failed: 1 of 12 hosts failed, 1 unreachable</p>');
    expect(page).toContain('<title>check inventory/production: failed: 1 of 12 hosts failed, 1 unreachable</title>');
  });

  test('needs nothing from elsewhere, runs nothing, and says so to the browser', () => {
    expect(page).not.toMatch(/<script|<link|<img|<iframe|@import|url\(|\ssrc=|\sstyle=|\son[a-z]+=/i);
    const style = /<style>([\s\S]*)<\/style>/.exec(page)?.[1] ?? '';
    expect(page).toContain(`content="default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; form-action 'none'"`);
    expect([...page.matchAll(/href="([^"]+)"/g)].every((match) => match[1]?.startsWith('#'))).toBe(true);
  });

  test('has landmarks, a language, a way past the head, and headings that its contents lead to', () => {
    expect(page).toContain('<html lang="en">');
    for (const part of ['<header>', '<nav aria-label="contents">', '<main id="main">', '<footer>', '<a class="skip" href="#main">']) expect(page).toContain(part);
    const ids = new Set([...page.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]));
    for (const [, target] of page.matchAll(/(?:href="#|aria-labelledby=")([^"]+)"/g)) expect(ids).toContain(target);
    expect(ids.size).toBe([...page.matchAll(/ id="/g)].length);
  });

  test('calendars: what is worst stands first, and what is not known is called so', () => {
    const rows = (id: string): string[] => [...(new RegExp(`<section id="${id}"[\\s\\S]*?</section>`).exec(page)?.[0] ?? '').matchAll(/<th scope="row">(.*?)<\/th><td[^>]*>(.*?)<\/td><td[^>]*>(.*?)<\/td>/g)].map((match) => match.slice(1).join(' | '));
    expect(rows('certificates')).toEqual(['/etc/etcd/pki/peer.crt | – | ✗ unreadable', '/etc/care-provision/pki/host.crt | 2026-11-29 | ✗ ends in 3 days', '/etc/care-provision/pki/host.crt | 2027-01-20 | ✓ ends in 54 days', '/etc/postgresql/pki/server.crt | 2027-02-01 | ✓ ends in 66 days']);
    expect(rows('backups')).toEqual(['care, repo2, full | – | ✗ there is none', 'care, repo1, full | 2026-11-22 | ✓ 4 days old', 'care, repo1, incr | 2026-11-24 | ! 30 h old']);
    expect(rows('versions')).toEqual(['etcd 3.4 | 2025-05-15 | ✗ end of life 559 days ago', 'Debian 12 | 2026-06-10 | ! end of life 168 days ago; long-term support of a part of it until 2028-06-30', 'Debian 13 | 2028-08-09 | ✓ end of life in 622 days', 'PostgreSQL 17 | 2029-11-08 | ✓ end of life in 1078 days', 'containerd 9.9 | – | ? end of life unknown']);
  });
});

test('nothing that comes from hosts, playbooks or people can become markup, or look like something else', () => {
  const evil = `<script>alert(1)</script>"'><img src=x onerror=y>\u202e\u001b[2J&amp;`;
  const events: RunEvent[] = [
    { ...start('check', [evil]), inventory: evil, playbook: evil, user: evil, controller: evil, run: evil, origin: evil, arguments: [evil], revisions: [{ of: 'inventory', path: evil, commit: evil, branch: evil, dirty: true }] } as RunEvent,
    change(evil, evil, evil, evil, evil, `--- ${evil}\n+${evil}\n-${evil}`),
    { type: 'change', host: evil, role: evil, task: evil, resource: evil, what: 'other', handler: true, unknown: true, seen: { modified: evil, owner: evil } },
    ...(['failed', 'unreachable', 'unknown', 'ignored', 'rescued', 'changed'] as const).map((status) => task(evil, evil, evil, status, 2, { error: evil, module: evil })),
    { type: 'warning', host: evil, message: evil },
    ...(['certificate', 'backup', 'version'] as const).map((subject): RunEvent => ({ type: 'observation', host: evil, subject, name: evil, version: evil, state: evil })),
    { ...summary(3, { [evil]: { failed: 1, changed: 1 } }), slowest: [{ host: evil, role: evil, task: evil, seconds: 2 }] } as RunEvent,
  ];
  const page = runHtml(gathered({ events: events.map((event, i) => [i, event] as const) }), NOW);
  expect(page).not.toMatch(/<script|<img|onerror=y>|[\u202e\u001b]/);
  // Nothing leaves an attribute either: every tag is one that the page has.
  const tags = new Set([...page.matchAll(/<\/?([a-zA-Z0-9!]+)/g)].map((match) => match[1]));
  expect([...tags].sort()).toEqual(['!doctype', 'a', 'b', 'body', 'br', 'caption', 'dd', 'details', 'div', 'dl', 'dt', 'footer', 'h1', 'h2', 'h3', 'head', 'header', 'html', 'li', 'main', 'meta', 'nav', 'ol', 'p', 'pre', 'rect', 'section', 'span', 'style', 'summary', 'svg', 'table', 'tbody', 'td', 'th', 'thead', 'title', 'tr', 'ul']);
  expect(page.split('&lt;script&gt;').length).toBeGreaterThan(20);
});

test('secrets are masked, also in diffs and names', () => {
  const [secret] = register('s3cr3t-html-report');
  const text = secret?.reveal() ?? '';
  const events = [start('check', ['a']), change('a', 'r', 't', `file /${text}`, text, `+password=${text}`), task('a', 'r', 't', 'failed', 1, { error: text }), { type: 'warning', message: text } as const, summary(3, { a: { failed: 1 } })];
  const page = runHtml(gathered({ events: events.map((event, i) => [i, event] as const) }), NOW);
  expect(page).not.toContain(text);
  expect(page).toContain('+password=********');
  // The page's own words are not text of anybody: a secret that happens to be one of them must not break it.
  register('background', 'section');
  const after = runHtml(gathered(night()), NOW);
  expect(after).toContain('background: var(--bg)');
  expect(after).toMatch(/<section id="failed"/);
});

test('1,000 hosts with 100 changes each make a page of a size that a phone opens, which says what it has left out', () => {
  const page = runHtml(gathered(crowd(1000, 100)), NOW);
  expect(Buffer.byteLength(page)).toBeLessThan(1_500_000);
  expect(page).toContain('46050 more changes were not kept; 3500 more changes.');
  // What is everywhere is shown rather than what is on one host.
  for (let c = 0; c < 100; c += 2) expect(page).toContain(`<b>file /etc/care/${String(c)}.conf</b>`);
});

test('a run that made nothing has a page, too', () => {
  const page = runHtml(gathered({ events: [] }), NOW);
  expect(page).toContain('has not come to its end');
  expect(titles(page)).toEqual([]);
});

test('a run of the history has all that it keeps', () => {
  const page = runHtml(
    recordedReport({
      id: '20261126-020000-a1b2c3', startedAt: '2026-11-26T02:00:00.000Z', endedAt: '2026-11-26T02:01:00.000Z', mode: 'check', inventory: 'inventory/lab', playbook: 'site.yml', version: '0.1.0', controller: 'c', user: 'u', origin: null, arguments: ['check', 'inventory/lab'], revisions: [], status: 3, seconds: 60, hostCount: 2,
      total: { ...NONE, failed: 1, changed: 1 }, hosts: { a: { ...NONE, failed: 1 }, b: { ...NONE, changed: 1 } },
      tasks: [{ type: 'task', host: 'a', play: 'p', role: 'r', task: 't', module: 'm', status: 'failed', seconds: 3, item: null, place: 'x:1:1', handler: false, message: 'broken pipe', at: '2026-11-26T02:00:20.000Z' }],
      changes: [{ type: 'change', host: 'b', role: 'r', task: 't', resource: 'file /x', what: 'mode', handler: false, unknown: false, diff: null, seen: { modified: '2026-11-25T21:07:00.000Z', owner: 'www-data' }, delegatedTo: null, at: null }], warnings: [], roles: {}, slowest: [{ host: 'a', role: 'r', task: 't', seconds: 3 }],
      observations: [{ observation: { subject: 'certificate', name: '/x.crt', time: '2026-11-29T03:00:00.000Z' }, hosts: ['a', 'b'], hostCount: 60 }],
    }),
    NOW,
  );
  expect(titles(page)).toEqual(['Failed', 'What drifted', 'Hosts', 'Timeline', 'Slowest tasks', 'Certificates', 'Backups']);
  expect(page).toContain('broken pipe');
  expect(page).toContain('58 more hosts of certificates, backups and versions were not kept');
  expect(page).toContain('last written 2026-11-25 21:07 UTC, owned by www-data');
  expect(page).toContain('of other tasks the history keeps no times');
});

test('the tag leaves out what is nothing, and escapes the rest', () => {
  expect(html`<p>${'<'}${1}${undefined}${false}${[html`<b>`, '&']}</p>`.toString()).toBe('<p>&lt;1<b>&amp;</p>');
  expect(htmlPage({ title: '<x>', style: '', body: html`` })).toContain('<title>&lt;x&gt;</title>');
});

import { describe, expect, test } from 'vitest';
import { recoveredHosts, tellingEvents } from '../../../../src/cli/notify/decide.ts';
import { digestHtml, digestJson, digestText, subject, type Message } from '../../../../src/cli/notify/digest.ts';
import { badInput, ExitStatus } from '../../../../src/support/diagnostic.ts';
import { Collector } from '../../../../src/cli/report/collect.ts';
import { register } from '../fakes.ts';
import { gathered } from '../report/gathered.ts';
import { change, crowd, night, NONE, NOW, start, summary, task, type Night } from '../report/sample.ts';

const of = (...events: Night['events'][number][1][]): Night => ({ events: events.map((event, i) => [i, event] as const) });
const message = (run: Night, more: Partial<Message> = {}): Message => ({ report: gathered(run), events: ['failed'], recovered: [], link: undefined, now: NOW, ...more });

describe('whether there is something to say', () => {
  const quiet = gathered(of(start('check', ['a', 'b']), summary(0, { a: { ok: 3 }, b: { ok: 3, skipped: 1 } })));

  test('of a night on which nothing was to be done there is not', () => {
    expect(tellingEvents(quiet, [], NOW)).toEqual([]);
  });

  test('of failures, doubts, drift, changes, recoveries there is', () => {
    expect(tellingEvents(gathered(night('check')), [], NOW)).toEqual(['failed', 'unreachable', 'unknown', 'calendar', 'drifted']);
    expect(tellingEvents(gathered(night('apply')), ['x'], NOW)).toEqual(['failed', 'unreachable', 'unknown', 'calendar', 'changed', 'recovered']);
    expect(tellingEvents(gathered(of(start('apply', ['a']))), [], NOW)).toEqual(['unfinished']);
    expect(tellingEvents(gathered(of(start('apply', ['a']), summary(130, { a: { ok: 1 } }))), [], NOW)).toEqual(['unfinished']);
    const collector = new Collector();
    collector.aborted(badInput('x', 'y'), ExitStatus.badInput);
    expect(tellingEvents(collector.report(), [], NOW)).toContain('failed');
  });

  test('of a backup that is not there or old, and a certificate that ends or cannot be read, there is; of a version there is not', () => {
    const seen = (more: Omit<Extract<Night['events'][number][1], { type: 'observation' }>, 'type' | 'host'>): Night => of(start('check', ['a']), { type: 'observation', host: 'a', ...more }, summary(0, { a: { ok: 1 } }));
    const events = (run: Night): readonly string[] => tellingEvents(gathered(run), [], NOW);
    const absent = seen({ subject: 'backup', name: 'care, repo1, full', state: 'absent' });
    expect(events(absent)).toEqual(['calendar']);
    expect(subject(message(absent, { events: ['calendar'] }))).toBe('[care-provision] inventory/production: converged: nothing would change on 1 host, look at care, repo1, full: there is none');
    expect(digestText(message(absent, { events: ['calendar'] }))).toContain('care, repo1, full: there is none');
    expect(events(seen({ subject: 'backup', name: 'care, repo1, incr', time: new Date(NOW - 30 * 3_600_000).toISOString() }))).toEqual(['calendar']);
    expect(events(seen({ subject: 'backup', name: 'care, repo1, incr', time: new Date(NOW - 20 * 3_600_000).toISOString() }))).toEqual([]);
    expect(events(seen({ subject: 'certificate', name: '/x.crt', state: 'unreadable' }))).toEqual(['calendar']);
    expect(events(seen({ subject: 'certificate', name: '/x.crt', time: new Date(NOW + 6 * 86_400_000).toISOString() }))).toEqual(['calendar']);
    expect(events(seen({ subject: 'certificate', name: '/x.crt', time: new Date(NOW + 8 * 86_400_000).toISOString() }))).toEqual([]);
    expect(events(seen({ subject: 'version', name: 'debian', version: '9' }))).toEqual([]);
  });

  test('a host is well again when it was not when it was last worked on', () => {
    const failed = { a: { ...NONE, failed: 1 } };
    const fine = { a: { ...NONE, ok: 2 }, b: { ...NONE, ok: 2 } };
    expect(recoveredHosts(quiet, [failed, fine])).toEqual(['a']);
    // Of b the newest run knows nothing: an older one counts.
    expect(recoveredHosts(quiet, [failed, { b: { ...NONE, unreachable: 1 } }])).toEqual(['a', 'b']);
    expect(recoveredHosts(quiet, [fine, failed])).toEqual([]);
    expect(recoveredHosts(quiet, [{ b: null }])).toEqual(['b']);
    expect(recoveredHosts(quiet, [])).toEqual([]);
    expect(recoveredHosts(gathered(night()), [{ 'db2.kochi.example.org': { ...NONE, failed: 1 } }])).toEqual([]);
  });
});

describe('the digest', () => {
  test('as text', async () => {
    await expect(digestText(message(night(), { recovered: ['web4.kochi.example.org'], link: 'https://reports.example.org/' }))).toMatchFileSnapshot('golden/night.txt');
    expect(subject(message(night()))).toBe('[care-provision] inventory/production: failed: 1 of 12 hosts failed, 1 unreachable');
  });

  test('as HTML says the same, and takes nothing for markup', () => {
    const page = digestHtml(message(night()));
    for (const part of ['system ID mismatch', 'max_connections 200 → 300', 'ends in 3 days', 'unknown until patroni']) expect(page).toContain(part);
    const evil = digestHtml(message(of(start('check', ['<script>']), change('<script>', '<b>', '<img>', '<i>', '<u>'), summary(2, { '<script>': { changed: 1 } }))));
    expect(evil).not.toMatch(/<script|<img|<u>/);
  });

  test('as JSON has stable names and counts', () => {
    expect(digestJson(message(night(), { events: ['failed', 'drifted'], recovered: ['r'] }))).toMatchObject({
      type: 'care_provision.run', format: 1, run: '20261126-020000-a1b2c3', status: 3, events: ['failed', 'drifted'], host_counts: { failed: 1, unreachable: 1, unfinished: 0, unknown: 1, changed: 4, converged: 5 },
      hosts: { failed: ['db2.kochi.example.org'], recovered: ['r'] }, change_count: 4, trouble_count: 4, error: null,
      coming: [{ name: '/etc/etcd/pki/peer.crt', date: null, words: 'unreadable' }, { name: '/etc/care-provision/pki/host.crt', date: '2026-11-29' }, { name: 'care, repo2, full' }, { name: 'care, repo1, incr' }, { name: 'etcd 3.4' }, { name: 'Debian 12' }],
    });
  });

  test('no secret leaves in any form, and no diff', () => {
    const [secret] = register('s3cr3t-digest');
    const text = secret?.reveal() ?? '';
    const run = of(start('check', ['a']), change('a', 'r', 't', `file /${text}`, text, `+only-in-the-diff ${text}`), task('a', 'r', 't', 'failed', 1, { error: `password ${text}` }), summary(3, { a: { failed: 1, changed: 1 } }));
    const all = [subject(message(run)), digestText(message(run)), digestHtml(message(run)), JSON.stringify(digestJson(message(run)))].join('\n');
    expect(all).not.toContain(text);
    expect(all).not.toContain('only-in-the-diff');
    expect(all).toContain('password ********');
  });

  test('a subject is one line of bounded length, whatever the inventory is called', () => {
    const run = of({ ...start('check', ['a']), type: 'start', inventory: `x\r\nBcc: evil@example.org\n${'y'.repeat(300)}` } as ReturnType<typeof start>, summary(2, { a: { changed: 1 } }));
    expect(subject(message(run))).toMatch(/^[^\r\n]{1,160}$/);
  });

  test('1,000 hosts with 100 changes each fit a mail', () => {
    const big = message(crowd(1000, 100));
    expect(digestText(big).length).toBeLessThan(40_000);
    expect(digestHtml(big).length).toBeLessThan(60_000);
    expect(JSON.stringify(digestJson(big)).length).toBeLessThan(60_000);
    expect(digestText(big)).toContain('and 3960 more');
  });
});

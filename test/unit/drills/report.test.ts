import { describe, expect, test } from 'vitest';
import { DRILLS, findDrill } from '../../../src/drills/catalogue.ts';
import { BEGIN, END, fillTable } from '../../../src/drills/report/docs.ts';
import { reportHtml } from '../../../src/drills/report/html.ts';
import { resultLine, summaryLine } from '../../../src/drills/report/lines.ts';
import { pictureSvg } from '../../../src/drills/report/picture.ts';
import { milliseconds, recapText, runsText } from '../../../src/drills/report/text.ts';
import { failover } from './support.ts';

describe('lines', () => {
  test('of one run', () => {
    expect(resultLine(1, failover())).toMatchObject({
      type: 'result', drill: 'postgres-leader-host-loss', run: 1, met: true, gap_ms: 3000, gap_kind: 'timeline', longest_gap_ms: 3000, acknowledged: 72, lost: 0, errors: 1, two_primaries: 0, back_ms: 4000,
      error_kinds: [{ code: 'ECONNRESET', message: 'read ECONNRESET', count: 1 }],
    });
  });

  test('of a summary: medians and sums; met only when every run that was wanted has met it', () => {
    const [good, bad] = [failover(), failover({ target: { gapMs: 2000, backMs: 10_000, source: '' } })];
    const target = { gapMs: 5000, backMs: 10_000, source: '' };
    expect(summaryLine('x', target, [good, good], 0)).toEqual({
      type: 'summary', drill: 'x', target: { gap_ms: 5000, lost: 0, back_ms: 10_000 }, met: true, gap_ms: 3000, acknowledged: 144, lost: 0, errors: 2, back_ms: 4000, two_primaries: 0, runs: 2, runs_met: 2,
      gap: { min: 3000, median: 3000, max: 3000 }, back: { min: 4000, median: 4000, max: 4000 }, misses: [], status: 0,
    });
    expect(summaryLine('x', target, [good, bad], 3)).toMatchObject({ met: false, runs_met: 1, misses: ['no row was confirmed for 3.0 s; the target is 2.0 s'] });
    expect(summaryLine('x', target, [good], 0, 2).met).toBe(false);
    expect(summaryLine('x', undefined, [], 64)).toMatchObject({ target: null, met: false, gap_ms: null, status: 64 });
  });
});

describe('text', () => {
  test('fits 80 columns and says what was missed', () => {
    const text = recapText(failover({ findings: ['the old leader did not come back as a replica, which it should have done by pg_rewind, long before this drill gave up'] }));
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(text).toContain('TARGET MISSED');
    expect(text).toContain('3.0 s from the last row on the old timeline');
    expect(recapText(failover())).toContain('target met');
  });

  test('speaks of what the service writes, of what its clients count, and of two primaries only where there are timelines', () => {
    const counts = [{ name: 'failed_requests', label: 'requests failed in all tries', count: 2, most: 0 }, { name: 'retried_requests', label: 'requests were tried again', count: 7, most: undefined }];
    const result = failover({ words: { one: 'object', many: 'objects', wrote: 'wrote', timelines: false }, counts });
    expect([result.met, result.misses]).toEqual([false, ['2 requests failed in all tries; the target is none']]);
    const text = recapText(result);
    expect(text).toContain('objects    72 acknowledged, 0 lost');
    expect(text).toContain('7 requests were tried again');
    expect(text).not.toContain('primaries');
    expect(resultLine(1, result).counts).toEqual({ failed_requests: 2, retried_requests: 7 });
    const html = reportHtml([result], '0.1.0');
    expect(html).toContain('<dt>objects lost</dt>');
    expect(html).not.toContain('two primaries');
  });

  test('several runs', () => {
    expect(runsText('x', [failover(), failover()])).toContain('x: 2 of 2 runs met the target');
    expect([milliseconds(undefined), milliseconds(640.4), milliseconds(12_340)]).toEqual(['–', '640 ms', '12.3 s']);
  });
});

describe('the page', () => {
  test('needs nothing from elsewhere, and takes nothing from hosts for markup', () => {
    const html = reportHtml([failover({ what: 'a1 </section><script>x</script>' })], '0.1.0');
    expect(html).not.toMatch(/<script|https?:\/\/(?!www\.w3)|<link|@import|url\(/);
    expect(html).toContain('&lt;script&gt;');
    expect(html).toContain('&lt;a2&gt; leads');
    expect(html).toContain('prefers-color-scheme: dark');
    expect(html).toContain('name="viewport"');
  });

  test('pictures rows by timeline, the error, the gap and both marks', () => {
    const svg = pictureSvg(failover());
    for (const part of ['class="t0"', 'class="t1"', 'class="error"', 'class="gap"', '>broken<', '>healed<', '>&lt;a2&gt; leads<']) expect(svg).toContain(part);
    expect(svg).toContain('a gap of 3000 milliseconds');
    // A leader that was out of sight for a moment is marked once.
    const twice = failover({ events: [2000, 2500, 9000].map((atMs) => ({ atMs, kind: 'leader' as const, what: 'a2 leads' })) });
    expect(pictureSvg(twice).match(/>a2 leads</g)).toHaveLength(1);
    // Also of nothing.
    expect(pictureSvg(failover({ writer: { acknowledged: [], errors: [], errorsNotKept: 0 }, events: [], endMs: 0 }))).toContain('<svg');
  });
});

describe('the table of results', () => {
  const text = `before\n${BEGIN}\nold\n${END}\nafter\n`;
  const measured = { version: '0.1.0', date: '2026-11-26' };

  test('is replaced between its marks', () => {
    const filled = fillTable(text, DRILLS, [failover(), failover()], measured);
    expect(filled).toMatch(/^before\n/);
    expect(filled).toMatch(/after\n$/);
    expect(filled).not.toContain('old\n<');
    expect(filled).toContain('| postgres-leader-host-loss | 2026-11-26, 0.1.0 | 2 | 30.0 s | 3.0 s (3.0 s to 3.0 s) | 60.0 s | 4.0 s (4.0 s to 4.0 s) | 0 of 144 | never | 2 of 2 |');
    expect(fillTable(filled, DRILLS, [failover(), failover()], measured)).toBe(filled);
  });

  test('keeps the rows of drills that were not run this time, in the order of the catalogue', () => {
    const first = fillTable(text, DRILLS, [failover()], measured);
    const both = fillTable(first, DRILLS, [{ ...failover(), drill: 'postgres-switchover' }], { version: '0.2.0', date: '2026-12-01' });
    expect(both.split('\n').filter((line) => line.startsWith('| postgres-')).map((line) => line.split(' | ').slice(0, 3).join(' | '))).toEqual(['| postgres-switchover | 2026-12-01, 0.2.0 | 1', '| postgres-leader-host-loss | 2026-11-26, 0.1.0 | 1']);
  });

  test('needs its marks', () => {
    expect(() => fillTable('nothing', DRILLS, [failover()], measured)).toThrow(/no place for the results/);
  });
});

describe('the catalogue', () => {
  test('has unique names, and each drill says what it proves and where its target is from', () => {
    expect(new Set(DRILLS.map((d) => d.name)).size).toBe(DRILLS.length);
    for (const drill of DRILLS) {
      expect(drill.name).toMatch(new RegExp(`^${drill.service}-[a-z-]+$`));
      expect(drill.proves).toMatch(/\.$/);
      expect(drill.target.source).toMatch(/^R\d+/);
    }
  });

  test('finds, or suggests', () => {
    expect(findDrill('postgres-switchover').name).toBe('postgres-switchover');
    expect(() => findDrill('postgres-switchovr')).toThrow(/there is no drill/);
  });
});

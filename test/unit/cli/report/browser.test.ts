/** The report in a real browser: sizes, colours, keyboard, and that it asks for nothing. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runHtml } from '../../../../src/cli/report/html.ts';
import { chromium, withPage, type Page } from '../../../support/chromium.ts';
import { gathered } from './gathered.ts';
import { crowd, night, NOW } from './sample.ts';

const ABSENT = chromium === undefined;
const TIMEOUT = 120_000;

/** Texts whose contrast to what is behind them is below WCAG 2.2's 4.5 to 1 (1.4.3); run in the page. */
const POOR_CONTRAST = `(() => {
  const numbers = (colour) => { const c = document.createElement('canvas').getContext('2d', { willReadFrequently: true }); c.fillStyle = colour; c.fillRect(0, 0, 1, 1); return [...c.getImageData(0, 0, 1, 1).data]; };
  const luminance = ([r, g, b]) => { const [x, y, z] = [r, g, b].map((v) => { const s = v / 255; return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4; }); return 0.2126 * x + 0.7152 * y + 0.0722 * z; };
  const behind = (element) => { for (let e = element; e !== null; e = e.parentElement) { const c = numbers(getComputedStyle(e).backgroundColor); if (c[3] === 255) return c; } return [255, 255, 255, 255]; };
  const poor = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (walker.currentNode.data.trim() === '' || element.closest('svg') !== null) continue;
    const [a, b] = [luminance(numbers(getComputedStyle(element).color)), luminance(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.add(element.tagName + '.' + element.className + ' ' + ratio.toFixed(2));
  }
  return [...poor];
})()`;

/** Elements that reach beyond the right edge of the screen, but for what scrolls by itself. A phone's browser zooms out from a page that is too wide, and calls itself wider: so the width that was set counts. */
const tooWide = (width: number): string => `[document.documentElement, ...document.querySelectorAll('body *')].filter((e) => e.closest('.scroll, pre, .skip, thead') === null && e.getBoundingClientRect().right > ${String(width)} + 0.5 || e.scrollWidth > ${String(width)}).map((e) => e.tagName + '.' + e.className).slice(0, 5)`;

async function screen(page: Page, width: number, scheme: 'light' | 'dark'): Promise<void> {
  await page.send('Emulation.setDeviceMetricsOverride', { width, height: 800, deviceScaleFactor: 1, mobile: width < 700 });
  await page.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
}

describe.skipIf(ABSENT)(`the report in a browser${ABSENT ? ' (skipped: there is no Chromium on this machine)' : ''}`, () => {
  let directory: string;
  const file = (name: string): string => path.join(directory, `${name}.html`);

  beforeAll(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'care-report-'));
    writeFileSync(file('night'), runHtml(gathered(night()), NOW));
    writeFileSync(file('crowd'), runHtml(gathered(crowd(1000, 100)), NOW));
  });
  afterAll(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  test('fits a phone and a desktop, readable in light and dark, and asks for nothing', { timeout: TIMEOUT }, async () => {
    await withPage(file('night'), async (page) => {
      for (const width of [360, 390, 1280]) {
        for (const scheme of ['light', 'dark'] as const) {
          await screen(page, width, scheme);
          const seen = [`${String(width)} px, ${scheme}`];
          expect([...seen, await page.evaluate(tooWide(width))]).toEqual([...seen, []]);
          expect([...seen, await page.evaluate(POOR_CONTRAST)]).toEqual([...seen, []]);
        }
      }
      const background = async (scheme: 'light' | 'dark'): Promise<unknown> => {
        await screen(page, 390, scheme);
        return page.evaluate('getComputedStyle(document.body).backgroundColor');
      };
      expect(await background('light')).not.toBe(await background('dark'));
      // The file itself, and nothing else; no style or script that the policy refused.
      const asked = page.events.filter((event) => event.method === 'Network.requestWillBeSent').map((event) => (event.params['request'] as { readonly url: string }).url);
      expect(asked.filter((url) => url !== `file://${file('night')}`)).toEqual([]);
      expect(page.events.filter((event) => event.method === 'Log.entryAdded' || event.method === 'Audits.issueAdded' || event.method === 'Runtime.exceptionThrown')).toEqual([]);
    });
  });

  test('the keyboard gets everywhere: past the head, to every part, into each diff', { timeout: TIMEOUT }, async () => {
    await withPage(file('night'), async (page) => {
      await screen(page, 1280, 'light');
      const key = async (name: string, code: number): Promise<void> => {
        for (const type of ['rawKeyDown', 'keyUp']) await page.send('Input.dispatchKeyEvent', { type, key: name, code: name, windowsVirtualKeyCode: code, ...(type === 'rawKeyDown' && name === 'Enter' ? { type: 'keyDown', text: '\r' } : {}) });
      };
      const focus = (): Promise<unknown> => page.evaluate('document.activeElement.tagName + " " + document.activeElement.textContent.slice(0, 40)');
      await key('Tab', 9);
      expect(await focus()).toBe('A to the findings');
      expect(await page.evaluate('document.activeElement.getBoundingClientRect().left >= 0')).toBe(true);
      await key('Tab', 9);
      expect(await focus()).toBe('A Failed 1');
      for (let i = 0; i < 40 && !/^SUMMARY/.test(String(await focus())); i += 1) await key('Tab', 9);
      expect(await focus()).toMatch(/^SUMMARY file \/etc\/ssh/);
      await key('Enter', 13);
      expect(await page.evaluate('document.activeElement.parentElement.open && document.activeElement.parentElement.querySelector("pre").checkVisibility()')).toBe(true);
    });
  });

  test('on paper there is every diff, black on white', { timeout: TIMEOUT }, async () => {
    await withPage(file('night'), async (page) => {
      await page.send('Emulation.setEmulatedMedia', { media: 'print', features: [{ name: 'prefers-color-scheme', value: 'dark' }] });
      expect(await page.evaluate('[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]')).toEqual(['rgb(255, 255, 255)', 'rgb(0, 0, 0)']);
      expect(await page.evaluate('[...document.querySelectorAll("#changes pre")].every((pre) => pre.checkVisibility({ contentVisibilityAuto: true }) && pre.getBoundingClientRect().height > 100)')).toBe(true);
      expect(await page.evaluate('getComputedStyle(document.querySelector("nav")).display')).toBe('none');
    });
  });

  test('1,000 hosts with 100 changes each open on a phone', { timeout: TIMEOUT }, async () => {
    await withPage(file('crowd'), async (page) => {
      await screen(page, 360, 'dark');
      expect(await page.evaluate(tooWide(360))).toEqual([]);
    });
  });
});

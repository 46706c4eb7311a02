/**
 * HTML by a template tag that masks secrets in whatever is put in and escapes it: text from hosts, playbooks and people can never become markup.
 * What is markup has a type of its own, which only the tag makes.
 */
import { createHash } from 'node:crypto';
import { maskSecrets } from './secret.ts';
import { safeLines } from './terminal-text.ts';

/** Markup that is safe to put into a page. */
export class Html {
  readonly #markup: string;

  /** Only for text that this program wrote itself; everything else goes through {@link html}. */
  constructor(markup: string) {
    this.#markup = markup;
  }

  toString(): string {
    return this.#markup;
  }
}

/** What may stand in a template: text and numbers are escaped, markup is not, nothing is left out. */
export type HtmlPart = string | number | Html | undefined | false | readonly HtmlPart[];

/** Text for content and quoted attributes of HTML and SVG: known secrets are masked, characters that would steer are shown as `\x1b`, as on a terminal. */
export function escapeHtml(text: string): string {
  return safeLines(maskSecrets(text))
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

function part(value: HtmlPart): string {
  if (value === undefined || value === false) return '';
  if (value instanceof Html) return value.toString();
  if (typeof value === 'object') return value.map(part).join('');
  return escapeHtml(String(value));
}

/** `` html`<p>${text}</p>` ``: put values between tags or into quoted attributes only. */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlPart[]): Html {
  return new Html(strings.map((text, i) => text + part(values[i])).join(''));
}

/** Colours and type that every page shares: light and dark, screen and paper. Contrasts are at least 4.5 to 1 (WCAG 2.2, 1.4.3). */
export const BASE_STYLE = `
:root { color-scheme: light dark; --bg: #f7f8f8; --card: #fff; --text: #1d2328; --soft: #56616a; --line: #d9dde0; --good: #18703f; --bad: #b3261e; --warn: #8a5300; --doubt: #7a3fa8; --accent: #1f5fa8; --tint: #eef1f3; }
@media (prefers-color-scheme: dark) { :root { --bg: #14181b; --card: #1c2226; --text: #e7ebee; --soft: #a3afb8; --line: #343d44; --good: #59c48c; --bad: #ff8a80; --warn: #f0b45a; --doubt: #cda4f4; --accent: #7fb6f0; --tint: #252c31; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0; background: var(--bg); color: var(--text); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.35rem; line-height: 1.25; margin: .6rem 0 .2rem; } h2 { font-size: 1.05rem; margin: 0 0 .4rem; }
p { margin: .4rem 0; } .soft { color: var(--soft); font-size: .9rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .9rem 1rem; margin: 1rem 0; }
.good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); } .doubt { color: var(--doubt); }
a { color: var(--accent); } a:focus-visible, summary:focus-visible, [tabindex]:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: .2rem; }
details summary { cursor: pointer; } code, pre { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .85em; }
@media print { :root { color-scheme: light; --bg: #fff; --card: #fff; --text: #000; --soft: #444; --line: #bbb; --good: #18703f; --bad: #b3261e; --warn: #8a5300; --doubt: #7a3fa8; --accent: #1f5fa8; --tint: #f2f2f2; } body { font-size: 11pt; } section { break-inside: auto; border-radius: 0; } }
`;

export interface PageInit {
  readonly title: string;
  /** CSS of this page, after {@link BASE_STYLE}. */
  readonly style: string;
  readonly body: Html;
}

/**
 * A whole page in one file, which asks for nothing from elsewhere: the policy in its head allows the one style sheet by its
 * hash and nothing else (Content Security Policy Level 3), so that even markup that slipped in could neither run nor call home.
 */
export function htmlPage(init: PageInit): string {
  const style = BASE_STYLE + init.style;
  const policy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; form-action 'none'`;
  return html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${new Html(policy)}"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer"><meta name="robots" content="noindex"><title>${init.title}</title><style>${new Html(style)}</style></head>
<body>${init.body}</body>
</html>
`.toString();
}

import { z } from 'zod';
import { content, sha256 } from '../../host/kinds/content.ts';
import { locale } from '../../host/kinds/identity.ts';
import { converge, failed, type Change, type Plan } from '../../host/plan.ts';
import { forgetKinds } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import { sh } from '../../support/shell.ts';
import { StringList } from '../arguments.ts';
import { after, joinLines, putText, splitLines, textOf } from '../common/edit-text.ts';
import { pathQueries, planning } from '../common/look.ts';
import { defineModule } from '../define.ts';

const GEN = '/etc/locale.gen';
const DEFAULT = '/etc/default/locale';
const NAME = /^[A-Za-z]{1,8}(_[A-Za-z]{2})?(\.[A-Za-z0-9-]+)?(@[a-z]+)?$/;

export const LocaleArgs = z
  .strictObject({
    name: StringList.refine((names) => names.every((name) => NAME.test(name) && name.includes('.')), 'must be locales with their character set such as en_IN.UTF-8').optional().describe('Locales that can be used'),
    lang: z.string().regex(NAME, 'must be a locale such as C.UTF-8').optional().describe('The default (LANG) for new sessions'),
  })
  .refine((args) => args.name !== undefined || args.lang !== undefined, { message: 'name or lang is needed' });
type LocaleArgs = z.output<typeof LocaleArgs>;

/** The line of locale.gen(5): name without codeset modifiers, then the character set. */
function genLine(name: string): string {
  return `${name} ${(/\.([^@]+)/.exec(name)?.[1] ?? 'UTF-8').replace(/^utf-?8$/i, 'UTF-8')}`;
}

/** Turns the wanted lines on: a commented one loses its `# `, a missing one is appended. */
export function editLocaleGen(lines: readonly string[], names: readonly string[]): readonly string[] {
  let out = [...lines];
  for (const name of names) {
    const wanted = genLine(name);
    const bare = (line: string): string => line.replace(/^#\s*/, '').trim().replaceAll(/\s+/g, ' ');
    if (out.some((line) => !line.startsWith('#') && bare(line) === wanted)) continue;
    const at = out.findIndex((line) => bare(line) === wanted);
    out = at === -1 ? [...out, wanted] : out.map((line, i) => (i === at ? wanted : line));
  }
  return out;
}

/** LANG set, other variables kept. */
export function editDefault(lines: readonly string[], lang: string): readonly string[] {
  const isLang = (line: string): boolean => /^\s*LANG=/.test(line);
  if (lines.some((line) => /^\s*LANG=["']?([^"'\s]*)["']?\s*$/.exec(line)?.[1] === lang) && lines.filter(isLang).length === 1) return lines;
  return [...lines.filter((line) => !isLang(line)), `LANG=${lang}`];
}

function generation(names: readonly string[], host: HostView): Change | undefined {
  const text = textOf(host, GEN) ?? '';
  const lines = splitLines(text);
  const wanted = editLocaleGen(lines, names);
  const claims = names.map((name) => locale(name).is(true));
  const resource = `locale ${names.join(' ')}`;
  const put = joinLines(wanted) === joinLines(lines) ? undefined : putText(host, { path: GEN, text: joinLines(wanted), attributes: {} });
  if (put !== undefined) return { ...after(put, sh`locale-gen >&2`, claims), resource, what: 'generate' };
  return { resource, what: 'generate', script: sh`locale-gen >&2`, effects: [forgetKinds('locale'), ...claims] };
}

function plan(args: LocaleArgs, host: HostView): Plan {
  const changes: Change[] = [];
  const missing = (args.name ?? []).filter((name) => !host.fact(locale(name)));
  if (missing.length > 0) {
    const change = generation(missing, host);
    if (change !== undefined) changes.push(change);
  }
  if (args.lang !== undefined) {
    const generated = args.lang === 'C' || args.lang === 'POSIX' || (args.name ?? []).includes(args.lang) || host.fact(locale(args.lang));
    if (!generated && host.uncertain(locale(args.lang)) === undefined) return failed(`the host has no locale ${args.lang}`, 'name it in `name` as well, so that it is generated');
    const lines = splitLines(textOf(host, DEFAULT) ?? '');
    const wanted = editDefault(lines, args.lang);
    const change = joinLines(wanted) === joinLines(lines) ? undefined : putText(host, { path: DEFAULT, text: joinLines(wanted), attributes: {} });
    // Debian 13 has a link there; the resource has one name on every release.
    if (change !== undefined) changes.push({ ...change, resource: `file ${DEFAULT}` });
  }
  return converge(changes);
}

export const localeModule = defineModule({
  name: 'locale',
  summary: 'Generate locales and set the default one',
  description: 'Generating needs the package `locales`. `C.UTF-8` is always there.',
  args: LocaleArgs,
  examples: [{ title: 'Indian English', yaml: 'locale:\n  name: en_IN.UTF-8\n  lang: C.UTF-8' }],
  queries: (args) => [...(args.name ?? []).map(locale), ...(args.lang === undefined ? [] : [locale(args.lang), ...pathQueries(DEFAULT), content(DEFAULT), sha256(DEFAULT)])],
  plan: (args, host) => planning(() => plan(args, host)),
});

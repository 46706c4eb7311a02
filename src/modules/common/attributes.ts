/** Owner, group and mode of a path: what differs, and the change that mends it. */
import { changedAttributes, isAccount, resultingAttributes, type KnownAttributes, type WantedAttributes } from '../../host/kinds/path-effects.ts';
import type { PresentPath } from '../../host/kinds/path.ts';
import type { ShellChange } from '../../host/plan.ts';
import { joinScripts, sh, type Script } from '../../support/shell.ts';

const TYPE_WORD = { file: 'file', directory: 'directory', link: 'link', fifo: 'fifo', socket: 'socket', char: 'device', block: 'device' } as const;

/** The resource name of a thing: `directory /etc/x`. */
export function resourceOf(type: PresentPath['type'], path: string): string {
  return `${TYPE_WORD[type]} ${path}`;
}

/** The attributes that are wanted and differ; empty when all is as wanted. A link has no mode. */
export function differing(now: PresentPath, wanted: WantedAttributes): WantedAttributes {
  const mode = wanted.mode !== undefined && now.type !== 'link' && wanted.mode !== now.mode;
  const owner = wanted.owner !== undefined && !isAccount(wanted.owner, now.owner, now.uid);
  const group = wanted.group !== undefined && !isAccount(wanted.group, now.group, now.gid);
  return { ...(mode ? { mode: wanted.mode } : {}), ...(owner ? { owner: wanted.owner } : {}), ...(group ? { group: wanted.group } : {}) };
}

/** `mode 0644 → 0600, owner root → care`. */
export function describeAttributes(now: KnownAttributes, differs: WantedAttributes): string {
  const parts: string[] = [];
  if (differs.mode !== undefined) parts.push(`mode ${now.mode ?? '?'} → ${differs.mode}`);
  if (differs.owner !== undefined) parts.push(`owner ${now.owner ?? String(now.uid ?? '?')} → ${differs.owner}`);
  if (differs.group !== undefined) parts.push(`group ${now.group ?? String(now.gid ?? '?')} → ${differs.group}`);
  return parts.join(', ');
}

function chownWord(wanted: WantedAttributes): string {
  return `${wanted.owner ?? ''}${wanted.group === undefined ? '' : `:${wanted.group}`}`;
}

/**
 * Shell that sets attributes. chown(2) clears set-id bits, so the mode comes last; it has five digits
 * because GNU chmod keeps a directory's set-id bits for fewer. chown never goes through a link: the path is
 * canonical, so one that stands there now was put there meanwhile, by somebody who would like its target.
 *
 * @param guarded true: look for such a link before the mode is set, too (chmod has no way of its own to refuse one)
 */
export function attributesScript(path: string, wanted: WantedAttributes, guarded = false): Script {
  const parts: Script[] = [];
  if (wanted.owner !== undefined || wanted.group !== undefined) parts.push(sh`chown -h -- ${chownWord(wanted)} ${path}`);
  if (wanted.mode !== undefined && guarded) parts.push(sh`[ ! -L ${path} ] || { echo ${`${path} has become a link meanwhile`} >&2; exit 1; }`);
  if (wanted.mode !== undefined) parts.push(sh`chmod ${`0${wanted.mode}`} ${path}`);
  return joinScripts(parts);
}

function attributeLines(attributes: KnownAttributes, differs: WantedAttributes): string {
  const lines: string[] = [];
  if (differs.mode !== undefined) lines.push(`mode: ${attributes.mode ?? 'unknown'}`);
  if (differs.owner !== undefined) lines.push(`owner: ${attributes.owner ?? String(attributes.uid ?? 'unknown')}`);
  if (differs.group !== undefined) lines.push(`group: ${attributes.group ?? String(attributes.gid ?? 'unknown')}`);
  return lines.map((line) => `${line}\n`).join('');
}

/**
 * The change that gives `path` the attributes wanted, or undefined when it has them.
 *
 * @param now the fact of the path itself (not followed)
 * @param aliases links that were followed to it
 */
export function attributesChange(path: string, now: PresentPath, wanted: WantedAttributes, aliases: readonly string[] = []): ShellChange | undefined {
  const differs = differing(now, wanted);
  if (differs.mode === undefined && differs.owner === undefined && differs.group === undefined) return undefined;
  const after = resultingAttributes(wanted, now);
  const mode = now.type === 'link' ? undefined : differs.mode ?? (Number.parseInt(now.mode ?? '0', 8) > 0o777 && now.type === 'file' ? now.mode : undefined);
  return {
    resource: resourceOf(now.type, path),
    what: describeAttributes(now, differs),
    diff: { name: path, before: attributeLines(now, differs), after: attributeLines(after, differs) },
    script: attributesScript(path, { ...differs, mode }, now.uid !== 0),
    effects: changedAttributes(path, now, after, aliases),
  };
}

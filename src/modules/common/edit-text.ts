/** Small text files of the system that modules edit by lines: fstab, hosts, crontabs, authorized_keys … */
import { madeDirectory, newAttributes, type WantedAttributes } from '../../host/kinds/path-effects.ts';
import { parentOf } from '../../host/kinds/path-key.ts';
import { mount } from '../../host/kinds/mount.ts';
import { statFollow, type PresentPath } from '../../host/kinds/path.ts';
import type { ShellChange } from '../../host/plan.ts';
import type { Effect } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import { failure } from '../../support/diagnostic.ts';
import { attach, joinScripts, sh, type Script } from '../../support/shell.ts';
import { contentOf } from './look.ts';
import { putFile } from './put-file.ts';

/**
 * A file's text; undefined when there is no file.
 * @throws Diagnostic `failed` when it is too large, or not UTF-8 (an edit would spoil it)
 */
export function textOf(host: HostView, path: string): string | undefined {
  const bytes = contentOf(host, path);
  if (bytes === null) return undefined;
  if (!Buffer.isBuffer(bytes)) throw failure('too-large', `${path} is too large to be edited`);
  const text = bytes.toString('utf8');
  if (!Buffer.from(text, 'utf8').equals(bytes)) throw failure('not-text', `${path} is not UTF-8 text, so it is not edited`);
  return text;
}

/** Lines of a text, without the empty one after the final newline. */
export function splitLines(text: string): readonly string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

/** A text of these lines; empty when there are none. */
export function joinLines(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

export interface TextEdit {
  readonly path: string;
  readonly text: string;
  readonly attributes: WantedAttributes;
  readonly backup?: boolean;
  readonly validate?: string | undefined;
  /**
   * The file may be a mount of its own, as /etc/hosts and /etc/hostname are in a container: it cannot be
   * replaced there, so it is written in place.
   */
  readonly mayBeMounted?: boolean;
}

/**
 * The change that gives a file this text, if one is needed. A missing directory is made (0755, ours).
 *
 * @throws Diagnostic `failed` as putFile does
 */
export function putText(host: HostView, edit: TextEdit): ShellChange | undefined {
  const parent = parentOf(edit.path);
  const there = host.fact(statFollow(parent));
  const made: PresentPath | undefined = there.exists || there.error !== undefined ? undefined : { exists: true, type: 'directory', ...newAttributes(host.user, '0755', undefined) };
  const change = putFile(host, {
    path: edit.path,
    source: { type: 'text', text: edit.text },
    attributes: edit.attributes,
    follow: true,
    force: true,
    backup: edit.backup ?? false,
    validate: edit.validate,
    ...(made === undefined ? {} : { parent: made }),
  });
  if (change === undefined) return undefined;
  if (made !== undefined) return before(change, sh`mkdir -p -m 0755 -- ${parent}`, madeDirectory(parent, {}));
  if (edit.mayBeMounted === true && host.fact(mount(edit.path)) !== null) return { ...change, script: sh`cat ${attach(edit.text)} >${edit.path}` };
  return change;
}

/** A change with something done before it. */
export function before(change: ShellChange, script: Script, effects: readonly Effect[] = []): ShellChange {
  return { ...change, script: joinScripts([script, change.script]), effects: [...effects, ...change.effects] };
}

/** A change with something done after it. */
export function after(change: ShellChange, script: Script, effects: readonly Effect[] = []): ShellChange {
  return { ...change, script: joinScripts([change.script, script]), effects: [...change.effects, ...effects] };
}

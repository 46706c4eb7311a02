/** Directories: making the missing ones, from the top down, and the attributes of what is below one. */
import { joinPath, parentOf } from '../../host/kinds/path-key.ts';
import { changedAttributes, isAccount, madeDirectory, newAttributes, resultingAttributes, type KnownAttributes, type WantedAttributes } from '../../host/kinds/path-effects.ts';
import type { PresentPath } from '../../host/kinds/path.ts';
import { forgetAbove, type TreeEntry } from '../../host/kinds/tree.ts';
import type { ShellChange } from '../../host/plan.ts';
import { forgetKinds, forgetTree, type Effect } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import { failure } from '../../support/diagnostic.ts';
import { joinScripts, sh, type Script } from '../../support/shell.ts';
import { attributesScript, differing } from './attributes.ts';
import { everythingBelow, lookAt, lookThrough } from './look.ts';

/** Changes that make directories, and the innermost one's fact for what is to be put into it. */
export interface MadeDirectories {
  readonly changes: readonly ShellChange[];
  readonly fact: PresentPath;
}

/**
 * Makes a directory that is not there, and those above it that are missing; all get the attributes.
 * Mode 0755 unless the task says otherwise (with the set-group-id bit where the parent has it).
 *
 * @throws Diagnostic `failed` when something else is in the way
 */
export function makeDirectories(host: HostView, path: string, wanted: WantedAttributes): MadeDirectories {
  const missing: string[] = [];
  let above = path;
  let fact = lookThrough(host, above);
  while (!fact.exists) {
    const link = lookAt(host, above);
    if (link.exists) throw failure('dangling-link', `${above} is a link to ${link.type === 'link' ? (link.target ?? '?') : '?'}, which does not exist`);
    missing.unshift(above);
    above = parentOf(above);
    fact = lookThrough(host, above);
  }
  if (fact.type !== 'directory') throw failure('no-parent', `${above} is a ${fact.type}, not a directory`);
  let parent: PresentPath = fact;
  const changes = missing.map((directory) => {
    const made = makeDirectory(host, directory, wanted, parent);
    parent = made.fact;
    return made.change;
  });
  return { changes, fact: parent };
}

/** One missing directory below an existing (or just made) one. */
export function makeDirectory(host: HostView, path: string, wanted: WantedAttributes, parent: PresentPath): { readonly change: ShellChange; readonly fact: PresentPath } {
  const setgid = (Number.parseInt(parent.mode ?? '0', 8) & 0o2000) !== 0;
  const mode = wanted.mode ?? (setgid ? '2755' : '0755');
  const natural = newAttributes(host.user, mode, parent);
  const attributes = resultingAttributes({ ...wanted, mode }, natural);
  // What mkdir gives by itself needs no chown; special bits are left to chmod, whose rules for them are known.
  const asMade = !setgid && Number.parseInt(mode, 8) <= 0o777 && isAsMade(wanted, natural);
  const owner = wanted.owner === undefined && wanted.group === undefined ? '' : `, owner ${wanted.owner ?? host.user}${wanted.group === undefined ? '' : `:${wanted.group}`}`;
  return {
    change: {
      resource: `directory ${path}`,
      what: `create, mode ${mode}${owner}`,
      diff: { name: path, before: '', after: `directory, mode ${mode}\n` },
      // Closed until owner and mode are as they are to be.
      script: asMade ? sh`mkdir -m ${`0${mode}`} -- ${path}` : joinScripts([sh`mkdir -m 0700 -- ${path}`, attributesScript(path, { ...wanted, mode }, parent.uid !== 0)]),
      effects: madeDirectory(path, attributes),
    },
    fact: { exists: true, type: 'directory', ...attributes, size: 0 },
  };
}

/** Whether a thing that is made belongs at once to whom it is to belong to. */
function isAsMade(wanted: WantedAttributes, natural: KnownAttributes): boolean {
  return (wanted.owner === undefined || isAccount(wanted.owner, natural.owner, natural.uid)) && (wanted.group === undefined || isAccount(wanted.group, natural.group, natural.gid));
}

/** With more differing entries than this, what is below is observed anew instead of claimed one by one. */
const CLAIMED = 1000;

function findScript(path: string, wanted: WantedAttributes): Script {
  const parts: Script[] = [];
  const owner = wanted.owner === undefined ? undefined : sh`! -user ${wanted.owner}`;
  const group = wanted.group === undefined ? undefined : sh`! -group ${wanted.group}`;
  const tests = [owner, group].filter((t) => t !== undefined);
  if (tests.length > 0) {
    const who = `${wanted.owner ?? ''}${wanted.group === undefined ? '' : `:${wanted.group}`}`;
    parts.push(sh`find ${path} ! -type l \\( ${joinScripts(tests, ' -o ')} \\) -exec chown -h -- ${who} {} +`);
  }
  if (wanted.mode !== undefined) parts.push(sh`find ${path} ! -type l ! -perm ${wanted.mode} -exec chmod ${`0${wanted.mode}`} {} +`);
  return joinScripts(parts);
}

/**
 * The change that gives everything below a directory the attributes wanted, links left alone.
 *
 * @throws Diagnostic `failed` when there is too much below, or it cannot be looked at
 */
export function recurseChange(host: HostView, path: string, wanted: WantedAttributes): ShellChange | undefined {
  const fact = everythingBelow(host, path);
  const wrong = fact.filter((e) => e.type !== 'link' && Object.keys(differing(e, wanted)).length > 0);
  if (wrong.length === 0) return undefined;
  const words = [wanted.mode === undefined ? '' : `mode ${wanted.mode}`, wanted.owner === undefined ? '' : `owner ${wanted.owner}`, wanted.group === undefined ? '' : `group ${wanted.group}`];
  return {
    resource: `directory ${path}/**`,
    what: `${words.filter((w) => w !== '').join(', ')} on ${String(wrong.length)} below it`,
    diff: { name: path, before: listing(path, wrong, {}), after: listing(path, wrong, wanted) },
    script: findScript(path, wanted),
    effects: [...forgetAbove(path, true), forgetKinds('fullStat'), ...belowEffects(path, wrong, wanted)],
  };
}

function belowEffects(path: string, wrong: readonly TreeEntry[], wanted: WantedAttributes): readonly Effect[] {
  // A name with a newline is no key for `stat`.
  if (wrong.length > CLAIMED || wrong.some((e) => e.path.includes('\n'))) return [forgetTree(path)];
  return wrong.flatMap((e) => changedAttributes(joinPath(path, e.path), e, resultingAttributes(wanted, e)));
}

function listing(path: string, entries: readonly TreeEntry[], wanted: WantedAttributes): string {
  return entries.map((e) => `${wanted.mode ?? e.mode} ${wanted.owner ?? e.owner}:${wanted.group ?? e.group} ${joinPath(path, e.path)}\n`).join('');
}

import { sha256 } from '../../host/kinds/content.ts';
import { joinPath } from '../../host/kinds/path-key.ts';
import { statFollow } from '../../host/kinds/path.ts';
import { tree, type TreeEntry, type TreeKey } from '../../host/kinds/tree.ts';
import { ok, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import { failure } from '../../support/diagnostic.ts';
import type { Value } from '../../support/value.ts';
import { askAll, digestOf, lookThrough, planning } from '../common/look.ts';
import { defineModule } from '../define.ts';
import { statValues, timeValues } from '../stat/index.ts';
import { entryFilter } from './match.ts';
import { FindArgs } from './schema.ts';

function treeKey(path: string, args: FindArgs): TreeKey {
  return { path, view: args.recurse && args.depth !== 1 ? 'all' : 'children' };
}

function entriesOf(host: HostView, path: string, args: FindArgs): readonly TreeEntry[] {
  const there = lookThrough(host, path);
  if (!there.exists || there.type !== 'directory') return [];
  const fact = host.fact(tree(treeKey(there.real, args)));
  if (fact === null) return [];
  if ('error' in fact) throw failure('cannot-look', `cannot look below ${path}: ${fact.error}`);
  if ('tooMany' in fact) throw failure('too-many-files', `there is too much below ${path}`, { remedy: 'use a smaller `depth`, or a command' });
  const { depth } = args;
  return depth === undefined || !args.recurse ? fact : fact.filter((e) => e.path.split('/').length <= depth);
}

/** What an earlier change of this check would have put there or taken away. */
function doubt(host: HostView, path: string, args: FindArgs): string | undefined {
  const itself = host.touched(statFollow(path));
  const there = lookThrough(host, path);
  if (itself !== undefined || !there.exists || there.type !== 'directory') return itself;
  return host.touched(tree(treeKey(there.real, args)));
}

function plan(host: HostView, args: FindArgs): Plan {
  const paths = args.paths ?? args.path ?? [];
  askAll(host, paths.map((p) => statFollow(p)));
  const because = paths.map((p) => doubt(host, p, args)).find((d) => d !== undefined);
  if (because !== undefined) return { type: 'unknown', because: `what is in ${paths.join(', ')} is unknown ${because}` };
  const wanted = entryFilter(args, host.base.epoch);
  const found: { readonly path: string; readonly entry: TreeEntry }[] = [];
  let examined = 0;
  for (const root of paths) {
    const entries = entriesOf(host, root, args);
    examined += entries.length;
    for (const entry of entries) if (wanted(entry)) found.push({ path: joinPath(root, entry.path), entry });
  }
  const sums = args.get_checksum ? found.filter((f) => f.entry.type === 'file' && !f.path.includes('\n')).map((f) => f.path) : [];
  askAll(host, sums.map((p) => sha256(p)));
  const files = found.map(({ path, entry }): Value => {
    const sum = sums.includes(path) ? digestOf(host, path) : null;
    if (entry.full === undefined) throw new Error(`no sizes and times of ${path}`);
    return { ...statValues(path, entry.full), ...timeValues(entry.full), ...(sum === null ? {} : { checksum: sum }) };
  });
  return ok({ files, matched: files.length, examined });
}

export const find = defineModule({
  name: 'find',
  summary: 'Find files by name, age and size, for `register`',
  description: `Never a change; *unknown* in check mode when an earlier task would change what is there. Links are not followed. Differs from Ansible's: contents are not searched (\`contains\`); checksums are
sha256; ages count from when the run began on the host; at most 20,000 entries below a path.`,
  args: FindArgs,
  examples: [{ title: 'Old dumps', yaml: 'find:\n  paths: /var/backups\n  patterns: "*.dump"\n  age: 30d\nregister: old' }],
  returns: { files: 'A list of what was found, each as `stat` gives it', matched: 'How many', examined: 'How many were looked at' },
  queries: (args) => (args.paths ?? args.path ?? []).flatMap((p) => [statFollow(p), tree(treeKey(p, args))]),
  plan: (args, host) => planning(() => plan(host, args)),
});

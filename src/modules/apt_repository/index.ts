import { content, sha256 } from '../../host/kinds/content.ts';
import { removed } from '../../host/kinds/path-effects.ts';
import { stat } from '../../host/kinds/path.ts';
import { converge, type Change, type Plan } from '../../host/plan.ts';
import { forgetKinds, type AnyQuery, type Effect } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import { sh } from '../../support/shell.ts';
import { before, putText } from '../common/edit-text.ts';
import { lookAt, pathQueries, planning } from '../common/look.ts';
import { putFile } from '../common/put-file.ts';
import { defineModule } from '../define.ts';
import { AptRepositoryArgs } from './schema.ts';

const KEYRINGS = '/etc/apt/keyrings';
const ATTRIBUTES = { mode: '0644', owner: 'root', group: 'root' } as const;

/** What a new source changes: candidates, and that the lists are older than the sources. */
const listsChange: Effect = forgetKinds('apt-candidate', 'apt-lists');

function sourcesPath(args: AptRepositoryArgs): string {
  return `/etc/apt/sources.list.d/${args.name}.sources`;
}

/** Where the key goes that comes with the task; undefined when the host has it. The ending tells apt the form. */
function keyPath(args: AptRepositoryArgs): string | undefined {
  if (args.key_file !== undefined) return `${KEYRINGS}/${args.name}.${args.key_file.endsWith('.asc') ? 'asc' : 'gpg'}`;
  return args.signed_by === undefined || args.signed_by.startsWith('/') ? undefined : `${KEYRINGS}/${args.name}.asc`;
}

/** The file's text: one stanza of sources.list(5), deb822 style. */
export function sourcesText(args: AptRepositoryArgs): string {
  const signedBy = keyPath(args) ?? args.signed_by;
  const fields: readonly (readonly [string, string | undefined])[] = [
    ['Enabled', args.enabled ? undefined : 'no'],
    ['Types', args.types.join(' ')],
    ['URIs', args.uris?.join(' ')],
    ['Suites', args.suites?.join(' ')],
    ['Components', args.components?.join(' ')],
    ['Architectures', args.architectures?.join(' ')],
    ['Signed-By', signedBy],
    ...Object.entries(args.options),
  ];
  return fields.flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}\n`])).join('');
}

function keyChange(args: AptRepositoryArgs, path: string, host: HostView): Change | undefined {
  if (args.key_file === undefined) return putText(host, { path, text: `${args.signed_by?.trim() ?? ''}\n`, attributes: ATTRIBUTES });
  const folderThere = host.fact(stat(KEYRINGS)).exists;
  const change = putFile(host, {
    path,
    source: { type: 'local', file: host.localFile(args.key_file) },
    attributes: ATTRIBUTES,
    follow: true,
    force: true,
    backup: false,
    validate: undefined,
    ...(folderThere ? {} : { parent: { exists: true, type: 'directory' } }),
  });
  return change === undefined || folderThere ? change : before(change, sh`mkdir -p -m 0755 -- ${KEYRINGS}`);
}

function removal(path: string, host: HostView): readonly Change[] {
  return lookAt(host, path).exists ? [{ resource: `file ${path}`, what: 'remove', script: sh`rm -f -- ${path}`, effects: [...removed(path), listsChange] }] : [];
}

function plan(args: AptRepositoryArgs, host: HostView): Plan {
  if (args.state === 'absent') return converge([sourcesPath(args), `${KEYRINGS}/${args.name}.asc`, `${KEYRINGS}/${args.name}.gpg`].flatMap((path) => removal(path, host)));
  const key = keyPath(args);
  const changes = [key === undefined ? undefined : keyChange(args, key, host), putText(host, { path: sourcesPath(args), text: sourcesText(args), attributes: ATTRIBUTES })];
  return converge(changes.filter((change) => change !== undefined).map((change) => ({ ...change, effects: [...change.effects, listsChange] })));
}

function queries(args: AptRepositoryArgs): readonly AnyQuery[] {
  return [sourcesPath(args), keyPath(args)].filter((path) => path !== undefined).flatMap((path) => pathQueries(path));
}

export const aptRepositoryModule = defineModule({
  name: 'apt_repository',
  summary: 'Keep a source of packages, with its key',
  description: `
Writes \`/etc/apt/sources.list.d/NAME.sources\` (deb822) and, for a key that comes with the task, a keyring of its own
in \`/etc/apt/keyrings\`: a key is trusted for its source only. Arguments are those of Ansible's \`deb822_repository\`;
nothing is fetched from an URL. The package lists are fetched by the next \`package\` task that installs something.
`.trim(),
  args: AptRepositoryArgs,
  examples: [{ title: 'A mirror of our own', yaml: 'apt_repository:\n  name: site\n  uris: https://packages.example.org/debian\n  suites: trixie\n  components: main\n  key_file: site-archive-key.asc' }],
  queries: (args) => [...queries(args), content(sourcesPath(args)), sha256(sourcesPath(args))],
  plan: (args, host) => planning(() => plan(args, host)),
});

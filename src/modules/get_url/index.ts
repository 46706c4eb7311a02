import { cacheDirectory, fromCache, type CachedArtifact } from '../../artifacts/cache.ts';
import { download } from '../../artifacts/download.ts';
import { sha256 } from '../../host/kinds/content.ts';
import { baseName, joinPath, parentOf } from '../../host/kinds/path-key.ts';
import { newAttributes, resultingAttributes, wroteFile } from '../../host/kinds/path-effects.ts';
import { stat, statFollow } from '../../host/kinds/path.ts';
import { action, converge, type ActionPort, type ActionResult, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import { failure } from '../../support/diagnostic.ts';
import { revealed } from '../../support/secret.ts';
import { attributesChange } from '../common/attributes.ts';
import { install } from '../common/install-download.ts';
import { digestOf, lookAt, lookThrough, planning, requireParent } from '../common/look.ts';
import { defineModule } from '../define.ts';
import { GetUrlArgs } from './schema.ts';

function urlName(url: string): string {
  const name = decodeURIComponent(baseName(new URL(url).pathname));
  if (name === '') throw failure('no-name', `${url} ends with a slash, so \`dest\` must name the file`);
  return name;
}

function destination(host: HostView, args: GetUrlArgs): string {
  const there = lookThrough(host, args.dest.path);
  if (there.exists && there.type === 'directory') return joinPath(args.dest.path, urlName(args.url));
  if (args.dest.inside) throw failure('no-parent', `the directory ${args.dest.path} does not exist`, { remedy: 'make it first with `file: { state: directory }`' });
  return args.dest.path;
}

async function getFile(args: GetUrlArgs, expected: string | undefined, port: ActionPort): Promise<CachedArtifact> {
  const cached = expected === undefined ? undefined : await fromCache(cacheDirectory(), expected, port.signal);
  if (cached !== undefined) return cached;
  const headers = Object.fromEntries(Object.entries(args.headers).map(([name, value]) => [name, revealed(value)]));
  return download(cacheDirectory(), baseName(new URL(args.url).pathname) || args.url, args.url, expected, { headers, timeoutSeconds: args.timeout, signal: port.signal, plainHttp: true });
}

function plan(host: HostView, args: GetUrlArgs): Plan {
  const path = destination(host, args);
  const wanted = { mode: args.mode, owner: args.owner, group: args.group };
  const expected = args.checksum === 'none' ? undefined : args.checksum;
  const now = lookAt(host, path);
  if (now.exists && now.type !== 'file' && now.type !== 'link') throw failure('not-a-file', `${path} is a ${now.type}, not a file`);
  const isFile = now.exists && now.type === 'file';
  const present = isFile ? digestOf(host, path) : null;
  const attributes = isFile ? attributesChange(path, now, wanted) : undefined;
  if (isFile && (expected === undefined ? !args.force : present === expected)) return converge(attributes === undefined ? [] : [attributes], { dest: path, url: args.url });
  const parent = requireParent(host, path);
  const base = isFile ? now : newAttributes(host.user, '0644', parent);
  return action({
    resource: `file ${path}`,
    what: `download ${args.url}`,
    mutates: true,
    effects: wroteFile(path, { attributes: resultingAttributes(wanted, base), sha256: expected, appeared: true }),
    timeoutSeconds: args.timeout,
    perform: {
      type: 'conversation',
      converse: async (port): Promise<ActionResult> => {
        const file = await getFile(args, expected, port);
        const values = { dest: path, url: args.url, checksum: file.sha256, size: file.size };
        // The same bytes as before, and nothing else to set: no change.
        if (file.sha256 === present && attributes === undefined) return { changed: false, values };
        await install(port, file, { path, attributes: { ...wanted, mode: args.mode ?? (isFile ? undefined : base.mode) }, backup: args.backup && file.sha256 !== present, timeoutSeconds: args.timeout });
        return { changed: true, values };
      },
    },
  });
}

export const getUrl = defineModule({
  name: 'get_url',
  summary: 'Download a file onto the host, through the controller',
  description: `The controller downloads (hosts need no internet and no curl), verifies and sends the file, which is put in place in one
rename. \`checksum\` must be given: a sha256, or \`none\` said in so many words. Prefer \`artifact\` for releases.

With \`checksum: none\` and \`force: true\` only the download tells whether the file differs, so check mode counts it as a change.`,
  args: GetUrlArgs,
  examples: [{ title: 'A signing key', yaml: 'get_url:\n  url: https://packages.example/key.asc\n  checksum: sha256:0000000000000000000000000000000000000000000000000000000000000000\n  dest: /etc/apt/keyrings/example.asc\n  mode: "0644"' }],
  returns: { dest: 'Where it is', url: 'What was asked for', checksum: 'Its sha256', size: 'Its bytes, when downloaded' },
  queries(args) {
    const { path } = args.dest;
    return [stat(path), sha256(path), statFollow(args.dest.path), statFollow(parentOf(path))];
  },
  plan: (args, host) => planning(() => plan(host, args)),
});

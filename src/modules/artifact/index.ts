import { cacheDirectory, obtain } from '../../artifacts/cache.ts';
import { sha256 } from '../../host/kinds/content.ts';
import { baseName, joinPath, parentOf } from '../../host/kinds/path-key.ts';
import { newAttributes, resultingAttributes, wroteFile } from '../../host/kinds/path-effects.ts';
import { stat, statFollow } from '../../host/kinds/path.ts';
import { action, converge, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import { failure } from '../../support/diagnostic.ts';
import { versionInName } from '../../support/observation.ts';
import { attributesChange } from '../common/attributes.ts';
import { install } from '../common/install-download.ts';
import { digestOf, lookAt, lookThrough, planning, requireParent } from '../common/look.ts';
import { defineModule } from '../define.ts';
import { ArtifactArgs } from './schema.ts';

/** The file's own name: the last part of the URL, else of `dest`. */
function ownName(args: ArtifactArgs): string {
  if (args.url !== undefined) {
    const last = baseName(new URL(args.url).pathname);
    if (last !== '') return decodeURIComponent(last);
  }
  return baseName(args.dest.path);
}

function destination(host: HostView, args: ArtifactArgs): string {
  const there = lookThrough(host, args.dest.path);
  if (there.exists && there.type === 'directory') return joinPath(args.dest.path, ownName(args));
  if (args.dest.inside) throw failure('no-parent', `the directory ${args.dest.path} does not exist`, { remedy: 'make it first with `file: { state: directory }`' });
  return args.dest.path;
}

function plan(host: HostView, args: ArtifactArgs): Plan {
  const path = destination(host, args);
  const name = args.name ?? ownName(args);
  const wanted = { mode: args.mode, owner: args.owner, group: args.group };
  const now = lookAt(host, path);
  if (now.exists && now.type !== 'file' && now.type !== 'link') throw failure('not-a-file', `${path} is a ${now.type}, not a file`);
  const values = { dest: path, checksum: args.sha256 };
  const isFile = now.exists && now.type === 'file';
  if (isFile && digestOf(host, path) === args.sha256) {
    const change = attributesChange(path, now, wanted);
    return converge(change === undefined ? [] : [change], values);
  }
  const parent = requireParent(host, path);
  const base = isFile ? now : newAttributes(host.user, '0644', parent);
  return action({
    resource: `file ${path}`,
    what: `${now.exists ? 'replace by' : 'install'} ${name}, sha256 ${args.sha256.slice(0, 12)}…`,
    mutates: true,
    effects: wroteFile(path, { attributes: resultingAttributes(wanted, base), sha256: args.sha256, appeared: true }),
    timeoutSeconds: args.timeout,
    perform: {
      type: 'conversation',
      converse: async (port) => {
        const file = await obtain(cacheDirectory(), { name, sha256: args.sha256, url: args.url }, { timeoutSeconds: args.timeout, signal: port.signal });
        await install(port, file, { path, attributes: { ...wanted, mode: args.mode ?? (isFile ? undefined : base.mode) }, backup: args.backup, timeoutSeconds: args.timeout });
        return { changed: true, values: { ...values, size: file.size } };
      },
    },
  });
}

export const artifact = defineModule({
  name: 'artifact',
  summary: 'Install an upstream file locked by its sha256',
  description: `The controller takes the file from its artefact cache (\`CARE_ARTIFACTS\`, default \`~/.cache/care-provision/artifacts\`)
or downloads it there, verifies it, and sends it to the host, where it is verified again and put in place in one
rename. Hosts need no internet. Check mode predicts exactly and downloads nothing. An artefact that is neither in the
cache nor to be had fails by name, before anything on the host is changed.`,
  args: ArtifactArgs,
  examples: [
    {
      title: 'A release binary',
      yaml: 'artifact:\n  name: etcd 3.6.1\n  url: https://downloads.example/etcd-3.6.1\n  sha256: "0000000000000000000000000000000000000000000000000000000000000000"\n  dest: /usr/local/bin/etcd\n  mode: "0755"',
    },
  ],
  returns: { dest: 'Where it is', checksum: 'Its sha256', size: 'Its bytes, when it was installed by this run' },
  queries(args) {
    const path = args.dest.inside ? joinPath(args.dest.path, ownName(args)) : args.dest.path;
    return [stat(path), sha256(path), statFollow(args.dest.path), statFollow(parentOf(path))];
  },
  observes: (args) => [versionInName(args.name ?? '')].filter((v) => v !== undefined),
  plan: (args, host) => planning(() => plan(host, args)),
});

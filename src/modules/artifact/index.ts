import { cacheDirectory } from '../../artifacts/cache.ts';
import { dayOf, platformOf, type Platform } from '../../artifacts/catalogue.ts';
import { obtain } from '../../artifacts/download.ts';
import { lockFor, refuseEnded, type Locked } from '../../artifacts/lock.ts';
import { sha256 } from '../../host/kinds/content.ts';
import { baseName, joinPath, parentOf } from '../../host/kinds/path-key.ts';
import { newAttributes, resultingAttributes, wroteFile } from '../../host/kinds/path-effects.ts';
import { stat, statFollow } from '../../host/kinds/path.ts';
import { action, converge, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import { failure } from '../../support/diagnostic.ts';
import { versionInName } from '../../support/observation.ts';
import { attributesChange } from '../common/attributes.ts';
import { installFrom } from '../common/from-mirror.ts';
import { digestOf, lookAt, lookThrough, planning, requireParent } from '../common/look.ts';
import { defineModule } from '../define.ts';
import { ArtifactArgs } from './schema.ts';

/** What is to be installed: from the catalogue, or as the task itself says. */
interface Wanted {
  readonly title: string;
  readonly sha256: string;
  readonly url: string | undefined;
  /** The file's own name. */
  readonly fileName: string;
  readonly locked: Locked | undefined;
}

/** The last part of the URL, else of `dest`. */
function ownName(url: string | undefined, args: ArtifactArgs): string {
  const last = url === undefined ? '' : baseName(new URL(url).pathname);
  return last === '' ? baseName(args.dest.path) : decodeURIComponent(last);
}

function platformOfHost(host: HostView, args: ArtifactArgs): Platform {
  const platform = args.platform ?? platformOf(host.base.architecture);
  if (platform === undefined) throw failure('unknown-platform', `no platform is known for a machine that calls itself ${host.base.architecture}`, { remedy: 'say `platform`' });
  return platform;
}

/** @throws Diagnostic when artifacts.yml does not have it */
function wantedBy(host: HostView, args: ArtifactArgs): Wanted {
  if (args.sha256 !== undefined) {
    const fileName = ownName(args.url, args);
    return { title: args.version === undefined ? (args.name ?? fileName) : `${args.name ?? fileName} ${args.version}`, sha256: args.sha256, url: args.url, fileName, locked: undefined };
  }
  const locked = lockFor(host.artifacts().catalogue, args.name ?? '', args.version ?? '', platformOfHost(host, args));
  return { title: locked.title, sha256: locked.sha256, url: locked.url, fileName: locked.url === undefined ? locked.artifact.name : ownName(locked.url, args), locked };
}

function destination(host: HostView, args: ArtifactArgs, fileName: string): string {
  const there = lookThrough(host, args.dest.path);
  if (there.exists && there.type === 'directory') return joinPath(args.dest.path, fileName);
  if (args.dest.inside) throw failure('no-parent', `the directory ${args.dest.path} does not exist`, { remedy: 'make it first with `file: { state: directory }`' });
  return args.dest.path;
}

function plan(host: HostView, args: ArtifactArgs): Plan {
  const file = wantedBy(host, args);
  const path = destination(host, args, file.fileName);
  const wanted = { mode: args.mode, owner: args.owner, group: args.group };
  const now = lookAt(host, path);
  if (now.exists && now.type !== 'file' && now.type !== 'link') throw failure('not-a-file', `${path} is a ${now.type}, not a file`);
  const values = { dest: path, checksum: file.sha256 };
  const isFile = now.exists && now.type === 'file';
  if (isFile && digestOf(host, path) === file.sha256) {
    const change = attributesChange(path, now, wanted);
    return converge(change === undefined ? [] : [change], values);
  }
  const parent = requireParent(host, path);
  const base = isFile ? now : newAttributes(host.user, '0644', parent);
  return action({
    resource: `file ${path}`,
    what: `${now.exists ? 'replace by' : 'install'} ${file.title}, sha256 ${file.sha256.slice(0, 12)}…`,
    mutates: true,
    effects: wroteFile(path, { attributes: resultingAttributes(wanted, base), sha256: file.sha256, appeared: true }),
    timeoutSeconds: args.timeout,
    perform: {
      type: 'conversation',
      converse: async (port) => {
        const ended = file.locked === undefined ? undefined : refuseEnded(host.artifacts().catalogue, file.locked.artifact, dayOf(new Date()));
        if (ended !== undefined) throw ended;
        const cached = await obtain(cacheDirectory(), { name: file.title, sha256: file.sha256, url: file.url }, { timeoutSeconds: args.timeout, signal: port.signal });
        const to = { path, attributes: { ...wanted, mode: args.mode ?? (isFile ? undefined : base.mode) }, backup: args.backup, timeoutSeconds: args.timeout };
        const way = await installFrom(port, host.artifacts().mirrors, cached, to);
        return { changed: true, values: { ...values, size: cached.size, source: way.source }, ...(way.note === undefined ? {} : { msg: way.note }) };
      },
    },
  });
}

export const artifact = defineModule({
  name: 'artifact',
  summary: 'Install an upstream file locked by its sha256',
  description: `The controller takes the file from its artefact cache (\`CARE_ARTIFACTS\`, default \`~/.cache/care-provision/artifacts\`)
or downloads it there, verifies it, and sends it to the host, where it is verified again and put in place in one
rename. Hosts need no internet. Where the variable \`artifact_mirrors\` names mirrors of the site (role artifact_mirror), the
host fetches from the first that has it, over TLS, and verifies it all the same; when none does, the controller sends it. What it is stands in \`artifacts.yml\` (docs/artifacts.md): the task gives \`name\` and \`version\`.

Check mode predicts exactly and downloads nothing. What a playbook will need is looked for before any host is touched: an
artefact that is neither in the cache nor to be had, that has another checksum, that has no checksum for the platform, or
that gets no more fixes is refused by name.`,
  args: ArtifactArgs,
  examples: [
    {
      title: 'A release that artifacts.yml knows',
      yaml: 'artifact:\n  name: etcd\n  version: 3.6.14\n  dest: /opt/etcd/',
    },
    {
      title: 'One that the task itself locks',
      yaml: 'artifact:\n  name: etcd 3.6.1\n  url: https://downloads.example/etcd-3.6.1\n  sha256: "0000000000000000000000000000000000000000000000000000000000000000"\n  dest: /usr/local/bin/etcd\n  mode: "0755"',
    },
  ],
  returns: { dest: 'Where it is', checksum: 'Its sha256', size: 'Its bytes, when it was installed by this run', source: 'Where the host got it, when it was installed by this run: `controller`, or the address of a mirror' },
  queries(args, host) {
    const path = args.dest.inside ? joinPath(args.dest.path, wantedBy(host, args).fileName) : args.dest.path;
    return [stat(path), sha256(path), statFollow(args.dest.path), statFollow(parentOf(path))];
  },
  observes: (args) => [versionInName(args.version === undefined ? (args.name ?? '') : `${args.name ?? ''} ${args.version}`)].filter((v) => v !== undefined),
  plan: (args, host) => planning(() => plan(host, args)),
});

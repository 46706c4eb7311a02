import { cacheDirectory } from '../../artifacts/cache.ts';
import { obtain } from '../../artifacts/download.ts';
import { blobPath, type SiteNeed } from '../../artifacts/site.ts';
import { changeScript } from '../../host/host-session.ts';
import { sha256 } from '../../host/kinds/content.ts';
import { joinPath, parentOf } from '../../host/kinds/path-key.ts';
import { newAttributes, wroteFile } from '../../host/kinds/path-effects.ts';
import { stat } from '../../host/kinds/path.ts';
import { action, ok, type ActionPort, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import { failure } from '../../support/diagnostic.ts';
import { sh } from '../../support/shell.ts';
import { install } from '../common/install-download.ts';
import { digestOf, lookAt, planning } from '../common/look.ts';
import { defineModule } from '../define.ts';
import { ArtifactMirrorArgs } from './schema.ts';

const MODE = '0644';

function placeOf(args: ArtifactMirrorArgs, need: SiteNeed): string {
  return joinPath(args.path, blobPath(need.sha256));
}

async function bring(port: ActionPort, args: ArtifactMirrorArgs, need: SiteNeed): Promise<void> {
  const file = await obtain(cacheDirectory(), { name: need.title, sha256: need.sha256, url: need.url }, { timeoutSeconds: args.timeout, signal: port.signal });
  const path = placeOf(args, need);
  const made = await port.run(changeScript(sh`umask 022; mkdir -p ${parentOf(path)}`), { timeoutSeconds: 60 });
  if (made.state !== 'done' || made.status !== 0) throw failure('no-directory', `${parentOf(path)} cannot be made`, { detail: made.stderr.toString('utf8').trim() });
  await install(port, file, { path, attributes: { mode: MODE }, backup: false, timeoutSeconds: args.timeout });
}

function plan(host: HostView, args: ArtifactMirrorArgs): Plan {
  const directory = lookAt(host, args.path);
  if (!directory.exists || directory.type !== 'directory') throw failure('no-directory', `${args.path} is no directory`, { remedy: 'make it first with `file: { state: directory }`' });
  const needs = host.artifacts().needs();
  const missing = needs.filter((need) => {
    const path = placeOf(args, need);
    const there = lookAt(host, path);
    return !(there.exists && there.type === 'file' && digestOf(host, path) === need.sha256);
  });
  const values = { files: needs.length };
  if (missing.length === 0) return ok(values);
  return action({
    resource: `artefacts ${args.path}`,
    what: `add ${missing.map((need) => need.title).join(', ')}`,
    mutates: true,
    effects: missing.flatMap((need) => wroteFile(placeOf(args, need), { attributes: newAttributes(host.user, MODE, undefined), sha256: need.sha256, appeared: true })),
    timeoutSeconds: args.timeout * missing.length,
    perform: {
      type: 'conversation',
      converse: async (port) => {
        for (const need of missing) await bring(port, args, need);
        return { changed: true, values };
      },
    },
  });
}

export const artifactMirror = defineModule({
  name: 'artifact_mirror',
  summary: 'Keep what the hosts of the inventory need of upstream files in a directory that is served to them',
  description: `Looks which \`artifact\` tasks of the playbooks will run on which hosts of the inventory, whatever \`--limit\` and \`--tags\` say, and
brings the files that are not there yet, each under its digest. What is needed no longer stays. Used by role artifact_mirror,
which also serves the directory.`,
  args: ArtifactMirrorArgs,
  examples: [{ title: 'For the hosts of this site', yaml: 'artifact_mirror:\n  path: /var/lib/care-artifacts' }],
  returns: { files: 'How many files the hosts need' },
  queries: (args, host) => [stat(args.path), ...host.artifacts().needs().flatMap((need) => [stat(placeOf(args, need)), sha256(placeOf(args, need))])],
  plan: (args, host) => planning(() => plan(host, args)),
});

/** Puts a file of the artefact cache onto the host: what `artifact` and `get_url` share. */
import type { CachedArtifact } from '../../artifacts/cache.ts';
import { changeScript } from '../../host/host-session.ts';
import type { WantedAttributes } from '../../host/kinds/path-effects.ts';
import type { ActionPort } from '../../host/plan.ts';
import { failure } from '../../support/diagnostic.ts';
import { attachFile, joinScripts, sh, type Script } from '../../support/shell.ts';

export interface Installation {
  readonly path: string;
  /** Complete: a mode is given for a new file. */
  readonly attributes: WantedAttributes;
  readonly backup: boolean;
  readonly timeoutSeconds: number;
}

/** The script: the bytes are compared on the host before they are put in place. */
export function installScript(file: CachedArtifact, to: Installation): Script {
  const { attributes } = to;
  const attachment = attachFile(file.path, file.size, file.sha256);
  const check = sh`s=$(sha256sum <${attachment}) && [ "\${s%% *}" = ${file.sha256} ] || { echo 'the file was damaged on its way' >&2; exit 1; }`;
  const backup = to.backup ? [sh`[ ! -f ${to.path} ] || care_backup ${to.path}`] : [];
  return joinScripts([check, ...backup, sh`care_put ${attachment} ${to.path} ${attributes.mode ?? ''} ${attributes.owner ?? ''} ${attributes.group ?? ''}`]);
}

/** @throws Diagnostic `failed` with what the host said */
export async function install(port: ActionPort, file: CachedArtifact, to: Installation): Promise<void> {
  const outcome = await port.run(changeScript(installScript(file, to)), { timeoutSeconds: to.timeoutSeconds });
  if (outcome.state === 'done' && outcome.status === 0) return;
  const why = outcome.state === 'timed-out' ? `timed out after ${String(to.timeoutSeconds)} s` : outcome.stderr.toString('utf8').trim();
  throw failure('not-installed', `${to.path} could not be put in place`, { detail: why });
}

/** Puts a file of the artefact cache onto the host, from a mirror of its site where there is one: large files cross the long way once. */
import type { CachedArtifact } from '../../artifacts/cache.ts';
import { blobPath } from '../../artifacts/site.ts';
import { changeScript } from '../../host/host-session.ts';
import type { ActionPort } from '../../host/plan.ts';
import { failure } from '../../support/diagnostic.ts';
import { joinScripts, rawScript, sh, type Script } from '../../support/shell.ts';
import { install, type Installation } from './install-download.ts';

/** What role pki puts on every host: the site's CA, and the host's own certificate, which the mirror wants to see. */
const PKI = '/etc/care-provision/pki';

/** Exit status of the script when no mirror gave the file: EX_TEMPFAIL of sysexits.h. Nothing was changed. */
const NO_MIRROR = 75;

/**
 * The script: each mirror is asked in turn, bounded in time and bytes; what comes is compared before it is put in place.
 * Prints the mirror that gave it. `-q` and `--noproxy` keep the host's own settings out.
 */
export function mirrorScript(mirrors: readonly string[], file: Pick<CachedArtifact, 'sha256' | 'size'>, to: Installation): Script {
  const { attributes } = to;
  const head = sh`command -v curl >/dev/null 2>&1 || { echo 'there is no curl on this host' >&2; exit ${NO_MIRROR}; }
w=$(mktemp -d /var/tmp/care-mirror-XXXXXX) || exit ${NO_MIRROR}
trap 'rm -rf "$w"' EXIT
trap 'exit 1' HUP INT TERM
m=
for u in ${mirrors}; do
  curl -q -sS -f --proto =https --tlsv1.2 --noproxy '*' --connect-timeout 5 --speed-limit 1024 --speed-time 30 --max-time ${to.timeoutSeconds} --max-filesize ${file.size} --cacert ${`${PKI}/ca.crt`} --cert ${`${PKI}/host.crt`} --key ${`${PKI}/host.key`} -o "$w/f" "$u"/${blobPath(file.sha256)} 2>"$w/e" || { echo "$u: $(cat "$w/e")" >&2; continue; }
  s=$(sha256sum <"$w/f") || exit 1
  [ "\${s%% *}" = ${file.sha256} ] || { echo "$u gave another file" >&2; continue; }
  m=$u
  break
done
[ -n "$m" ] || exit ${NO_MIRROR}`;
  const backup = to.backup ? [sh`[ ! -f ${to.path} ] || care_backup ${to.path}`] : [];
  return joinScripts([head, ...backup, sh`care_put "$w/f" ${to.path} ${attributes.mode ?? ''} ${attributes.owner ?? ''} ${attributes.group ?? ''} || exit 1`, rawScript('printf "%s\\n" "$m"')]);
}

export interface Way {
  /** `controller`, or the mirror's address. */
  readonly source: string;
  /** Why no mirror gave it, for people; undefined: one did, or there is none. */
  readonly note: string | undefined;
}

/** @throws Diagnostic `failed` when it could not be put in place, wherever it came from */
export async function installFrom(port: ActionPort, mirrors: readonly string[], file: CachedArtifact, to: Installation): Promise<Way> {
  if (mirrors.length === 0) {
    await install(port, file, to);
    return { source: 'controller', note: undefined };
  }
  const outcome = await port.run(changeScript(mirrorScript(mirrors, file, to)), { timeoutSeconds: to.timeoutSeconds });
  const said = outcome.stderr.toString('utf8').trim();
  if (outcome.state === 'done' && outcome.status === 0) return { source: outcome.stdout.toString('utf8').trim(), note: undefined };
  if (outcome.state === 'done' && outcome.status !== NO_MIRROR) throw failure('not-installed', `${to.path} could not be put in place`, { detail: said });
  await install(port, file, to);
  return { source: 'controller', note: `no mirror gave it, so the controller sent it: ${outcome.state === 'timed-out' ? `timed out after ${String(to.timeoutSeconds)} s` : said}` };
}

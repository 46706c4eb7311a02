/** The shell that unpacks: beside its destination first, then moved into it file by file. */
import { quote, rawScript, Script, sh } from '../../support/shell.ts';
import { archiveType, type UnarchiveArgs } from './schema.ts';

/** Joins a word list, or nothing. */
function wordsOf(words: readonly string[]): Script {
  return rawScript(words.map((w) => ` ${quote(w)}`).join(''));
}

function unpack(args: UnarchiveArgs, archive: Script): Script {
  const type = archiveType(args.src) ?? 'tar';
  if (type === 'zip') {
    const exclude = args.exclude === undefined ? [] : ['-x', ...args.exclude];
    return sh`command -v unzip >/dev/null || { echo 'unzip is not installed on this host' >&2; exit 1; }
unzip -oq${wordsOf(args.extra_opts)} ${archive}${wordsOf(args.include ?? [])}${wordsOf(exclude)} -d "$t" >&2`;
  }
  const filter = { tar: '', gzip: 'z', xz: 'J', bzip2: 'j', zstd: '' }[type];
  const exclude = (args.exclude ?? []).map((e) => `--exclude=${e}`);
  const options = [...(type === 'zstd' ? ['--zstd'] : []), ...args.extra_opts, ...exclude];
  return sh`tar -x${rawScript(filter)}f ${archive} -C "$t"${wordsOf(options)}${wordsOf(args.include ?? [])}`;
}

function attributes(args: UnarchiveArgs): Script {
  const who = `${args.owner ?? ''}${args.group === undefined ? '' : `:${args.group}`}`;
  const own = who === '' ? sh`` : sh`chown -Rh -- ${who} "$t"\n`;
  const mode = args.mode === undefined ? sh`` : sh`find "$t" ! -type l -exec chmod ${`0${args.mode}`} {} +\n`;
  return sh`${own}${mode}`;
}

/**
 * Unpacks into a directory beside what is there, gives owner and mode, and moves each file over by a rename, so
 * that no file is ever there half and a broken archive changes nothing. What is in the destination and not in the
 * archive stays.
 *
 * @param archive the shell word of the archive
 * @param done what comes last: the marker
 */
export function unarchiveScript(args: UnarchiveArgs, archive: Script, done: Script): Script {
  const check =
    args.creates === undefined ? sh`` : sh`[ -e ${args.creates} ] || { echo ${`the archive has not made ${args.creates}, which \`creates\` names`} >&2; exit 1; }\n`;
  return sh`merge() {
  for f in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    [ -e "$f" ] || [ -L "$f" ] || continue
    n=$2/\${f##*/}
    if [ -d "$f" ] && [ ! -L "$f" ] && [ -d "$n" ]; then (merge "$f" "$n"); else mv -fT -- "$f" "$n"; fi
  done
}
unpack() (
care_temp ${`${args.dest}/x`}
t=x
mkdir -m 0700 x
${unpack(args, archive)}
${attributes(args)}sync -f -- "$t" 2>/dev/null || sync
merge "$t" ${args.dest}
)
unpack
${check}${done}`;
}

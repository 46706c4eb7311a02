/**
 * Shell functions that stand in front of every change script that uses one. They travel with each
 * script, so they are short; what they promise is written here instead of there.
 *
 * - `care_cat SRC` prints a file, or an attachment; in a row it knows those that are no files (`transport/rows.ts`).
 * - `care_temp PATH` makes a private directory `.care-XXXXXX` beside PATH and goes into it; `$n` is PATH as seen
 *   from there. All work is done on relative names, because the directory above may belong to a user who swaps
 *   names for links while root writes (CWE-59): nobody else can change what lies in a directory of our own, nor
 *   move it to another parent, so `..` stays what it was. `-O` and `cd -P` tell that it is ours that we are in.
 * - `care_put SRC DEST MODE OWNER GROUP` makes DEST a regular file with SRC's content. The new file is
 *   written in such a directory, given its owner, group and mode, synced, and renamed over DEST:
 *   at no time is DEST half-written, or visible with other attributes. An empty MODE, OWNER or GROUP keeps
 *   what a regular file DEST has; a new one gets 0644 and the calling user. A symbolic link DEST is
 *   replaced, not followed (callers that follow give the real path, as Ansible's copy does with
 *   `follow: false` and `true`). A directory DEST is refused. ACLs and extended attributes are not carried over.
 * - `care_link TARGET PATH` makes PATH a symbolic link, replacing a file or link in one rename (with
 *   busybox's mv, which refuses that for a link to a directory, by removing that link first).
 * - `care_backup PATH` copies PATH with its attributes to PATH.PID.YYYY-MM-DD@HH:MM:SS~, the name that
 *   Ansible's `backup_local` gives, and never over an earlier backup.
 *
 * A failure or a signal removes the directory (signals are held off while it is being made); one that a power cut left behind is removed by the
 * next write to the same directory once it is an hour old. Functions are subshells, so that their traps
 * and variables are their own, and check each step, so that they also work where `set -e` is off.
 *
 * `chmod 00644` has five digits because GNU chmod keeps set-id bits of directories for fewer; chown
 * comes first because it clears set-id bits (chown(2)).
 */
export const PRELUDE: string = `care_cat() { cat -- "$1"; }
care_temp() {
  d=\${1%/*}/ n=../\${1##*/}
  for f in "$d".care-??????; do
    [ ! -e "$f" ] || find "$d" -maxdepth 1 -name '.care-??????' -user "$(id -u)" -mmin +60 -exec rm -rf {} +
    break
  done
  trap '' HUP INT TERM
  t=$(mktemp -d "$d.care-XXXXXX") || return 1
  k=\${t##*/}
  trap 'cd -P .. && rm -rf "$k"' EXIT
  cd -P "$t" || return 1
  trap 'exit 1' HUP INT TERM
  case $PWD in */"$k") [ ! -O . ] || return 0 ;; esac
  echo "no private directory can be made in $d" >&2
  return 1
}
care_put() (
  [ ! -d "$2" ] || { echo "$2 is a directory" >&2; exit 1; }
  m=$3 o=$4 g=$5
  care_temp "$2" || exit 1
  if { [ -z "$m" ] || [ -z "$o" ] || [ -z "$g" ]; } && [ -f "$n" ] && [ ! -L "$n" ]; then
    s=$(stat -c '%a %u %g' "$n") || exit 1
    m=\${m:-\${s%% *}} s=\${s#* }
    o=\${o:-\${s% *}} g=\${g:-\${s#* }}
  fi
  care_cat "$1" >f || exit 1
  [ -z "$o$g" ] || chown -- "$o\${g:+:$g}" f || exit 1
  chmod "00\${m:-644}" f && { sync f 2>/dev/null || sync; } && mv -fT f "$n"
)
care_link() (
  [ -L "$2" ] || [ ! -d "$2" ] || { echo "$2 is a directory" >&2; exit 1; }
  care_temp "$2" && ln -s -- "$1" f || exit 1
  mv -fT f "$n" 2>/dev/null || { [ ! -L "$n" ] || rm -f "$n"; mv -fT f "$n"; }
)
care_backup() (
  while b=$1.$$.$(date +%Y-%m-%d@%H:%M:%S)~ && [ -e "$b" ]; do sleep 1; done
  care_temp "$1" && cp -pP "$n" f && mv -fT f "../\${b##*/}"
)
`;

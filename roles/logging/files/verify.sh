#!/bin/sh
# Tries what role logging has made. Prints what is wrong; exits 0 when all is as it should be.
#   verify.sh refused PORT        who must not write logs to this log host
#   verify.sh say                 writes a line and an audit line with an id of their own, and prints the id
#   verify.sh find SECONDS ID HOST DIR AUDIT auto|required   on a log host: they have come, under the name of HOST
#   verify.sh own SECONDS         the journal's settings, and the queues
#   verify.sh archive             on a log host: closed files are in object storage, the newest as they were put there
set -u
LC_ALL=C
export LC_ALL
fail() { printf '%s\n' "$*"; exit 1; }
site=/etc/care-provision/pki

refused() {
  for how in "" "-cert $site/host.crt -key $site/host.key"; do
    # shellcheck disable=SC2086 # words
    answer=$( (printf '1 open 85 relp_version=0\nrelp_software=verify\ncommands=syslog\n'; sleep 2) | timeout 10 openssl s_client -quiet -connect "127.0.0.1:$1" $how 2>/dev/null)
    case $answer in *rsp*) fail "port $1 takes log lines ${how:+with a host certificate of the site}${how:-without a certificate}" ;; esac
  done
  answer=$( (printf '1 open 85 relp_version=0\nrelp_software=verify\ncommands=syslog\n'; sleep 1) | timeout 10 curl -s -m 5 "telnet://127.0.0.1:$1" 2>/dev/null)
  case $answer in *rsp*) fail "port $1 takes log lines without TLS" ;; esac
  return 0
}

say() {
  id=$(uname -n)-$(cat /proc/sys/kernel/random/uuid) || exit 1
  logger -t care-canary "canary $id" || fail "logger does not work"
  logger -p authpriv.notice -t care-canary "audit canary $id" || fail "logger does not work"
  printf '%s\n' "$id"
}

find_() {
  seconds=$1 id=$2 host=$3 dir=$4 audit=$5 append=$6
  end=$(( $(date +%s) + seconds ))
  until grep -qF "canary $id" "$dir/$host"/*.log 2>/dev/null && grep -qF "audit canary $id" "$audit/$host"/*.log 2>/dev/null; do
    [ "$(date +%s)" -lt "$end" ] || fail "$(uname -n) has no line $id of $host after $seconds seconds: journalctl -u care-logging -u care-logging-tls on both"
    sleep 1
  done
  [ "$(grep -hF "canary $id" "$dir/$host"/*.log | grep -cv audit)" -eq 1 ] || fail "$(uname -n) has the line $id more than once"
  elsewhere=$(grep -lrF "canary $id" "$dir" | grep -v "^$dir/$host/")
  [ -z "$elsewhere" ] || fail "$(uname -n) has the line also in $elsewhere"
  file=$(grep -lF "audit canary $id" "$audit/$host"/*.log)
  care-log-keep || fail "care-log-keep fails on $(uname -n)"
  probe=$audit/$host/verify.probe
  chattr -a "$probe" 2>/dev/null
  rm -f "$probe"
  if : >"$probe" && chattr +a "$probe" 2>/dev/null; then
    if (: >"$probe") 2>/dev/null; then fail "an append-only file in $audit can be cut"; fi
    if rm -f "$probe" 2>/dev/null; then fail "an append-only file in $audit can be removed"; fi
    chattr -a "$probe"
    rm -f "$probe"
    case $(lsattr -d "$file" | cut -d ' ' -f 1) in *a*) ;; *) fail "$file is not append-only" ;; esac
  else
    rm -f "$probe"
    [ "$append" = auto ] || fail "the file system of $audit on $(uname -n) has no append-only files (chattr +a)"
    echo "the file system of $audit on $(uname -n) has no append-only files: audit lines are as safe as others"
  fi
}

own() {
  # Effective settings: the last word of all files.
  for wish in Storage=persistent ForwardToSyslog=no; do
    systemd-analyze cat-config systemd/journald.conf | grep "^${wish%=*}=" | tail -n 1 | grep -qx "$wish" || fail "journald: not $wish"
  done
  [ -d "/var/log/journal/$(cat /etc/machine-id)" ] || fail "the journal is not on disk"
  end=$(( $(date +%s) + $1 ))
  while :; do
    waiting=$(find /var/spool/care-logging -name 'to_*' -type f ! -name '*.qi' -size +0 | tr '\n' ' ')
    [ -n "$waiting" ] || return 0
    [ "$(date +%s)" -lt "$end" ] || fail "lines wait in $waiting: journalctl -u care-logging-tls"
    sleep 1
  done
}

# Lines of what the store has at today's address: all, audit or begun.
put_there() { awk -F '\t' -v url="${archive_url:?}/${archive_host:?}/" -v kind="$1" 'index($4, url) == 1 && ($1 == kind || index($1, kind "/") == 1) { print substr($1, length($1) - 13) "\t" $3 "\t" $4 }' /var/lib/care-logging/archived 2>/dev/null | sort; }

archive() {
  # shellcheck disable=SC1091 # made by the role
  . /etc/care-logging/keep.conf
  : "${archive_url:?}" "${archive_host:?}" "${archive_max_age:?}"
  account=/etc/care-logging/archive-s3.conf
  [ "$(stat -c %U:%a "$account")" = root:600 ] || fail "$account can be read by others than root"
  systemctl is-active --quiet care-log-archive.timer || fail "care-log-archive.timer does not run"
  [ -n "$(put_there begun)" ] || systemctl start care-log-archive.service || fail "nothing can be put into object storage: $(journalctl -u care-log-archive -n 5 -o cat --no-pager | grep '^care-' | tail -n 2 | tr '\n' ' ')"
  care-log-keep || fail "care-log-keep fails on $(uname -n)"
  since=$(sed -n 's/^care_log_archive_pending_since_timestamp_seconds //p' "${metrics_dir:?}/care_logging.prom")
  late=$(( $(date +%s) - ${since:-$(date +%s)} ))
  [ "$late" -le "$archive_max_age" ] || fail "$(care-log-keep pending | wc -l) closed files are not in object storage, the first of them for $((late / 3600)) hours: journalctl -u care-log-archive"
  tried=
  for kind in all audit begun; do
    [ "$kind" != begun ] || [ -z "$tried" ] || break
    newest=$(put_there "$kind" | tail -n 1)
    [ -n "$newest" ] || continue
    tried=yes
    address=$(printf '%s\n' "$newest" | cut -f 3)
    told=$(care-s3 size "$account" "$address" 2>&1) || fail "object storage does not have what was put there: $told (403 is also what a store says of an object that is gone, to whom may not list)"
    [ "$told" = "$(printf '%s\n' "$newest" | cut -f 2)" ] || fail "$address has $told bytes, not $(printf '%s\n' "$newest" | cut -f 2) as it was put there"
  done
  [ -n "$tried" ] || fail "nothing was ever put into object storage: journalctl -u care-log-archive"
}

what=${1-}
shift
case $what in
  refused) refused "$@" ;;
  say) say ;;
  find) find_ "$@" ;;
  own) own "$@" ;;
  archive) archive ;;
  *) fail "verify.sh: what is '$what'?" ;;
esac

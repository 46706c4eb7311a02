#!/bin/sh
# Tries what role logging has made. Prints what is wrong; exits 0 when all is as it should be.
#   verify.sh refused PORT        who must not write logs to this log host
#   verify.sh say                 writes a line and an audit line with an id of their own, and prints the id
#   verify.sh find SECONDS ID HOST DIR AUDIT auto|required   on a log host: they have come, under the name of HOST
#   verify.sh own SECONDS         the journal's settings, and the queues
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

what=${1-}
shift
case $what in
  refused) refused "$@" ;;
  say) say ;;
  find) find_ "$@" ;;
  own) own "$@" ;;
  *) fail "verify.sh: what is '$what'?" ;;
esac

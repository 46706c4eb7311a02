#!/bin/sh
# Tries what role monitoring has made. Prints what is wrong; exits 0 when all is as it should be.
#   verify.sh refused ADDRESS PORT PKI            who must not get metrics of this host
#   verify.sh host DIRECTORY                      exporters listen on loopback only; care-host-metrics and care-service-metrics have run
#   verify.sh targets SECONDS                     lines "JOB INSTANCE" on standard input: Prometheus has these and no others, all up
#   verify.sh alerts SECONDS HOST PKI WATCHERS NETLOC…   rules are well; Alertmanagers are one cluster and each has HOST's Watchdog
#   verify.sh mail HOST:PORT required|never CA    an SMTP server, and its certificate
set -u
LC_ALL=C
export LC_ALL
umask 077
work=$(mktemp -d "${TMPDIR:-/var/tmp}/monitoring-verify-XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
fail() { printf '%s\n' "$*"; exit 1; }
site=/etc/care-provision/pki
prometheus=http://127.0.0.1:9090/prometheus
get() { curl -s -f -m 10 "$@"; }
# within SECONDS COMMAND…: until it succeeds; what it said last is in $work/last
within() {
  end=$(( $(date +%s) + $1 ))
  shift
  until "$@" >"$work/last" 2>&1; do
    [ "$(date +%s)" -lt "$end" ] || fail "$(tail -n 20 "$work/last")"
    sleep 2
  done
}

refused() {
  address=$1 port=$2
  url=https://$address:$port/node/metrics
  curl -s -m 10 -o /dev/null --cacert "$site/ca.crt" "$url" && fail "$url answers without a certificate"
  [ $? -ne 7 ] || fail "nobody listens on $address:$port"
  curl -s -m 10 -o /dev/null --cacert "$site/ca.crt" --cert "$site/host.crt" --key "$site/host.key" "$url" && fail "$url takes a host certificate of the site"
  curl -s -m 10 -f -o /dev/null "http://$address:$port/node/metrics" && fail "port $port answers without TLS"
  shown=$(openssl s_client -connect "$address:$port" -CAfile "$site/ca.crt" -verify_return_error -verify_hostname "$(uname -n)" </dev/null 2>&1)
  case $shown in *'Verify return code: 0 (ok)'*) ;; *) fail "port $port does not show a certificate of the site for $(uname -n)" ;; esac
  # An older version is refused by the server, if not by our own openssl.
  openssl s_client -connect "$address:$port" -tls1_1 -cipher 'ALL:@SECLEVEL=0' </dev/null >/dev/null 2>&1 && fail "port $port takes TLS 1.1"
  return 0
}

host() {
  for port in 9100 9187 9090 9093 9115; do
    open=$(ss -Hltn "sport = :$port" | awk '{ print $4 }' | grep -v '^127\.0\.0\.1:' | grep -v '^\[::1\]:')
    [ -z "$open" ] || fail "port $port is open on $open"
  done
  for what in host service; do
    age=$(( $(date +%s) - $(cat "$1/care_host.prom" "$1/care_services.prom" 2>/dev/null | sed -n "s/^care_${what}_metrics_timestamp_seconds //p" | grep . || echo 0) ))
    if [ "$age" -gt 180 ]; then
      systemctl start "care-$what-metrics.service" || fail "care-$what-metrics.service fails: journalctl -u care-$what-metrics"
    fi
  done
}

seen() {
  get "$prometheus/api/v1/targets?state=active" | jq -r '.data.activeTargets[] | "\(.labels.job) \(.labels.instance)\(if .health == "up" then "" else " is \(.health): \(.lastError)" end)"' | sort >"$work/seen" || { echo "Prometheus does not answer on $prometheus"; return 1; }
  # What is on one side only: missing, too many, or not up.
  diff "$work/wanted" "$work/seen" | sed -n 's/^</wanted and not up:/p; s/^>/there:/p' >"$work/differences"
  [ ! -s "$work/differences" ] || { cat "$work/differences"; return 1; }
}

heard() {
  get "$prometheus/api/v1/rules" | jq -e '[.data.groups[].rules[] | select(.health != "ok") | "\(.name): \(.health) \(.lastError // "")"] | if length == 0 then empty else .[] end' >"$work/bad"
  [ ! -s "$work/bad" ] || { cat "$work/bad"; return 1; }
  for netloc in $netlocs; do
    get --cacert "$site/ca.crt" --cert "$pki/watcher.crt" --key "$pki/watcher.key" "https://$netloc/alertmanager/api/v2/status" >"$work/status" || { echo "the Alertmanager behind $netloc does not answer"; return 1; }
    jq -e --argjson n "$watchers" '.cluster.status == "ready" and ($n == 1 or (.cluster.peers | length) == $n)' "$work/status" >/dev/null || { echo "the Alertmanager behind $netloc is in a cluster of $(jq -c '[.cluster.status, (.cluster.peers | length)]' "$work/status"), not of $watchers"; return 1; }
    get --cacert "$site/ca.crt" --cert "$pki/watcher.crt" --key "$pki/watcher.key" "https://$netloc/alertmanager/api/v2/alerts?active=true" | jq -e --arg h "$me" 'any(.[]; .labels.alertname == "Watchdog" and .labels.watchdog == $h)' >/dev/null || { echo "the Alertmanager behind $netloc has not heard from $me"; return 1; }
  done
}

mail() {
  server=${1%:*}
  # openssl holds a name and an address against different entries of a certificate.
  case $server in
    \[*\]) server=${server#[} server=${server%]} by=-verify_ip ;;
    *[!0-9.]*) by=-verify_hostname ;;
    *) by=-verify_ip ;;
  esac
  case $2 in
    required) timeout 20 openssl s_client -starttls smtp -connect "$1" -CAfile "$3" -verify_return_error "$by" "$server" </dev/null >"$work/tls" 2>&1 || fail "the mail server $1: $(grep -i -m 1 error "$work/tls" || echo 'no STARTTLS')" ;;
    never) sleep 3 | timeout 10 curl -s -m 8 "telnet://$1" 2>/dev/null | grep -q '^220' || fail "there is no mail server at $1" ;;
  esac
}

what=${1-}
shift
case $what in
  refused) refused "$@" ;;
  host) host "$@" ;;
  targets) grep . | sort >"$work/wanted" && within "$1" seen ;;
  alerts)
    seconds=$1 me=$2 pki=$3 watchers=$4
    shift 4
    netlocs=$*
    within "$seconds" heard
    ;;
  mail) mail "$@" ;;
  *) fail "verify.sh: what is '$what'?" ;;
esac

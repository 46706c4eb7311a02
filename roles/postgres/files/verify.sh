#!/bin/sh
# Tries the cluster as its clients do. Prints what is wrong; exits 0 when all is as it should be.
#   verify.sh cluster LAG NAME…                 one leader; all these stream on its timeline, at most LAG MiB behind; nobody else
#   verify.sh etcd PKI SCOPE ENDPOINT…          the cluster's keys are in etcd
#   verify.sh server BIN PORT DATA SUPERUSER…   what the server says of itself
#   verify.sh synchronous BIN PORT MODE COUNT   commits wait for standbys, really
#   verify.sh refused BIN PORT PKI ADDRESS…     nobody gets in without TLS, with the wrong name, without a certificate, as a superuser
#   verify.sh rest PKI URL…                     the REST API changes nothing without certificate and password
#   verify.sh write|read|clean BIN PORT [TOKEN] a row goes from the leader to all
set -u
LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/local/sbin
unset PGPASSWORD PGSERVICE PGHOST PGUSER
PGCONNECT_TIMEOUT=5
PGPASSFILE=/nonexistent
export PGCONNECT_TIMEOUT PGPASSFILE
fail() { printf '%s\n' "$*"; exit 1; }
sql() { runuser -u postgres -- "$bin/psql" -X -A -t -q -v ON_ERROR_STOP=1 -h /var/run/postgresql -p "$port" -d postgres -c "$1" 2>&1 </dev/null; }

cluster() {
  lag=$1
  shift
  # cluster, member, host, role, state, timeline, lag, and what is only there when somebody has it
  listed=$(care-patronictl list -f tsv 2>&1) || fail "patronictl: $listed"
  # Patroni 3.0 calls a replica that streams running, as it calls one that does not.
  case $(care-patronictl version 2>/dev/null) in *' 3.0'*) well='running' ;; *) well='streaming' ;; esac
  printf '%s\n' "$listed" | awk -F '\t' -v names="$*" -v most="$lag" -v well="$well" '
    NR == 1 { next }
    { seen[$2] = 1; role = $4; if (role == "Leader") { leaders++; leading = $6 } timeline[$2] = $6
      if (role == "Leader" ? $5 != "running" : $5 != well) bad = bad $2 " is " $5 "; "
      if (role != "Leader" && $7 + 0 > most + 0) bad = bad $2 " lags " $7 " MiB; " }
    END {
      n = split(names, wanted, " ")
      for (i = 1; i <= n; i++) { known[wanted[i]] = 1; if (!(wanted[i] in seen)) bad = bad wanted[i] " is missing; " }
      for (m in seen) { if (!(m in known)) bad = bad m " is not in the inventory; "; if (timeline[m] != leading) bad = bad m " is on timeline " timeline[m] ", not " leading "; " }
      if (leaders != 1) bad = bad leaders + 0 " leaders; "
      if (bad != "") { print bad; exit 1 }
    }' || exit 1
}

etcd() {
  pki=$1 scope=$2
  shift 2
  key=$(printf '/service/%s/initialize' "$scope" | base64 -w 0)
  for e do
    if [ -s /etc/patroni/etcd-auth.json ]; then
      token=$(curl -s -f -m 5 --cacert "$pki/etcd-ca.crt" --cert "$pki/etcd.crt" --key "$pki/etcd.key" -d @/etc/patroni/etcd-auth.json "$e/v3/auth/authenticate" | sed -n 's/.*"token" *: *"\([^"]*\)".*/\1/p')
      header="header = \"Authorization: $token\""
    else
      header=
    fi
    said=$(printf '%s\n' "$header" | curl -K - -sS -f -m 5 --cacert "$pki/etcd-ca.crt" --cert "$pki/etcd.crt" --key "$pki/etcd.key" -d "{\"key\":\"$key\"}" "$e/v3/kv/range" 2>&1) || fail "etcd at $e: $said"
    case $said in *'"kvs"'*) ;; *) fail "etcd at $e does not hold the cluster $scope: $said" ;; esac
    if curl -s -f -m 5 --cacert "$pki/etcd-ca.crt" -d "{\"key\":\"$key\"}" "$e/v3/kv/range" >/dev/null 2>&1; then fail "etcd at $e tells the cluster to a client without a certificate"; fi
  done
}

# is QUERY WANTED WHAT
is() {
  got=$(sql "$1")
  [ "$got" = "$2" ] || fail "$3: '$got', not '$2'"
}

server() {
  bin=$1 port=$2 data=$3
  shift 3
  is 'SHOW data_checksums' on 'data checksums'
  is 'SHOW ssl' on 'TLS'
  is 'SHOW password_encryption' scram-sha-256 'password encryption'
  is "SELECT count(*) FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) WHERE client_addr IS NOT NULL AND NOT ssl" 0 'connections over TCP without TLS'
  is "SELECT COALESCE(string_agg(line_number || ' ' || COALESCE(error, auth_method), ', '), '') FROM pg_hba_file_rules WHERE error IS NOT NULL OR auth_method IN ('trust', 'md5', 'password')" '' 'lines of pg_hba.conf that let people in too easily, or are wrong'
  cmp -s /etc/patroni/pg_hba.conf "$data/pg_hba.conf" || fail "$data/pg_hba.conf was edited by hand: apply mends it"
  listed=$(printf "'%s'," "$@")
  is "SELECT COALESCE(string_agg(rolname, ', '), '') FROM pg_roles WHERE rolsuper AND rolname NOT IN (${listed%,})" '' 'superusers that nobody declared'
  is "SELECT COALESCE(string_agg(rolname, ', '), '') FROM pg_authid WHERE rolpassword IS NOT NULL AND rolpassword NOT LIKE 'SCRAM-SHA-256%'" '' 'roles with a password that is no SCRAM verifier'
  is "SELECT COALESCE(string_agg(name, ', '), '') FROM pg_file_settings WHERE sourcefile LIKE '%/postgresql.auto.conf'" '' 'settings of ALTER SYSTEM, which go over those of the cluster (ALTER SYSTEM RESET takes them away)'
  is "SELECT COALESCE(string_agg(name, ', '), '') FROM pg_settings WHERE pending_restart" '' 'parameters that wait for a restart'
}

synchronous() {
  bin=$1 port=$2 mode=$3 count=$4
  names=$(sql 'SHOW synchronous_standby_names')
  if [ "$mode" = quorum ]; then
    case $names in "ANY $count "*) ;; *) fail "synchronous_standby_names is '$names', not ANY $count (…)" ;; esac
    is "SELECT count(*) >= $count FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'quorum'" t "at least $count standbys of the quorum stream"
  else
    [ -n "$names" ] || fail 'synchronous_standby_names is empty'
    is "SELECT count(*) >= $count FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'sync'" t "at least $count synchronous standbys stream"
  fi
  is 'SHOW synchronous_commit' on 'synchronous_commit'
}

# no CONNECTION WANTED WHAT: it must be refused, with this reason
no() {
  if said=$("$bin/psql" -X -A -t -w "$1" -c 'SELECT 1' 2>&1 </dev/null); then fail "let in: $3"; fi
  printf '%s\n' "$said" | grep -qE "$2" || fail "refused for another reason: $3: $said"
}

refused() {
  bin=$1 port=$2 pki=$3
  shift 3
  for a do
    full="hostaddr=$a port=$port dbname=postgres sslrootcert=$pki/ca.crt connect_timeout=5"
    no "$full host=$a user=care_monitor sslmode=disable" 'no pg_hba.conf entry|pg_hba.conf rejects' "$a without TLS"
    no "$full host=wrong.example user=care_monitor sslmode=verify-full" 'does not match host name' "$a by a wrong name"
    for u in postgres care_admin; do no "$full host=$a user=$u sslmode=verify-full" 'pg_hba.conf rejects' "superuser $u over TCP at $a"; done
    no "$full host=$a user=replicator sslmode=verify-full replication=true sslcert=/nonexistent" 'valid client certificate' "replication without a certificate at $a"
    no "$full host=$a user=replicator sslmode=verify-full" 'pg_hba.conf rejects|certificate' "replicator as a user of a database at $a"
    "$bin/psql" -X -A -t -w "$full host=$a user=replicator sslmode=verify-full replication=true sslcert=$pki/replicator.crt sslkey=$pki/replicator.key" -c IDENTIFY_SYSTEM >/dev/null 2>&1 </dev/null || fail "no replication with the certificate at $a"
    if printf '' | openssl s_client -connect "$a:$port" -starttls postgres -tls1_1 -cipher 'ALL:@SECLEVEL=0' 2>/dev/null | grep -q '^New, TLS\|Cipher is [A-Z]'; then fail "$a speaks TLS 1.1"; fi
    printf '' | openssl s_client -connect "$a:$port" -starttls postgres -tls1_2 2>/dev/null | grep -q 'Cipher is [A-Z]' || fail "$a does not speak TLS 1.2"
  done
}

# status WANTED WHAT CURL-ARGUMENTS…
status() {
  wanted=$1 what=$2
  shift 2
  got=$(curl -s -o /dev/null -m 10 -w '%{http_code}' --cacert "$pki/ca.crt" "$@" </dev/null)
  [ "$got" = "$wanted" ] || fail "$what: status $got, not $wanted"
}

rest() {
  pki=$1
  shift
  site=/etc/care-provision/pki
  for u do
    status 200 "$u: GET /health" "$u/health"
    status 403 "$u: POST /reload without a certificate" -X POST "$u/reload"
    status 401 "$u: POST /reload with a certificate, without the password" -X POST --cert "$pki/admin.crt" --key "$pki/admin.key" "$u/reload"
    status 000 "$u without TLS" "http://${u#*://}/health"
    if [ -f "$site/host.crt" ]; then status 000 "$u: POST /reload with a host certificate of the site" -X POST --cert "$site/host.crt" --key "$site/host.key" "$u/reload"; fi
  done
}

write() {
  bin=$1 port=$2
  token=$(date +%s)-$$
  said=$(sql "CREATE TABLE IF NOT EXISTS public.care_provision_verify (token text PRIMARY KEY); INSERT INTO public.care_provision_verify VALUES ('$token')") || fail "the leader takes no row: $said"
  printf '%s\n' "$token"
}

read_row() {
  bin=$1 port=$2
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    got=$(sql "SELECT count(*) FROM public.care_provision_verify WHERE token = '$3'")
    [ "$got" != 1 ] || return 0
    sleep 1
  done
  fail "the row that the leader took is not here after 10 s: $got"
}

clean() {
  bin=$1 port=$2
  said=$(sql 'DROP TABLE IF EXISTS public.care_provision_verify') || fail "$said"
}

what=$1
shift
case $what in
  cluster | etcd | server | synchronous | refused | rest | write | clean) "$what" "$@" ;;
  read) read_row "$@" ;;
  *) fail "unknown check $what" ;;
esac
exit 0

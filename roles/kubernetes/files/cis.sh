#!/bin/sh
# Items of the CIS Kubernetes Benchmark 1.12 on this node, against its files, the processes that run, and kubelet's configuration. Prints
# those that do not hold, with their numbers, and exits 1 when there is one.
#   cis.sh control-plane|node
set -u
LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
etc=/etc/kubernetes
bad=0
not() { printf '%s\n' "$*"; bad=1; }

# closed ITEM MODE FILE…: belongs to root, and nobody may do more than MODE allows
closed() {
  item=$1 mask=$2
  shift 2
  for file do
    [ -e "$file" ] || { not "$item: $file is not there"; continue; }
    owner=$(stat -L -c %U:%G "$file") mode=$(stat -L -c %a "$file")
    [ "$owner" = root:root ] || not "$item: $file belongs to $owner"
    [ $(( 0$mode & ~0$mask & 07777 )) -eq 0 ] || not "$item: $file has mode $mode, $mask is the most"
  done
}

# flags PROGRAM: its command line, an argument a line
flags() {
  # The kernel keeps 15 characters of a name; a member of etcd of role etcd may run beside the cluster's own.
  pid=$(pgrep -x "$(printf '%.15s' "$1")" | while read -r each; do if tr '\0' ' ' <"/proc/$each/cmdline" | grep -q '/etc/kubernetes/pki/\|/etc/kubernetes/scheduler.conf'; then echo "$each"; fi; done | head -n 1)
  [ -n "$pid" ] || { not "$1 does not run"; return 1; }
  tr '\0' '\n' <"/proc/$pid/cmdline" >/run/care-cis.flags
}
value() { sed -n "s/^--$1=//p" /run/care-cis.flags | tail -n 1; }
is() { [ "$(value "$2")" = "$3" ] || not "$1: --$2 is '$(value "$2")', not '$3'"; }
set_() { [ -n "$(value "$2")" ] || not "$1: --$2 is not set"; }
unset_() { [ -z "$(value "$2")" ] || not "$1: --$2 is '$(value "$2")'"; }
holds() { case ",$(value "$2")," in *",$3,"*) ;; *) not "$1: --$2 lacks $3" ;; esac; }
lacks() { case ",$(value "$2")," in *",$3,"*) not "$1: --$2 holds $3" ;; esac; }
ciphers() {
  for cipher in $(printf '%s' "$2" | tr ',' ' '); do
    case $cipher in TLS_ECDHE_*_GCM_* | TLS_ECDHE_*_CHACHA20_*) ;; *) not "$1: $cipher" ;; esac
  done
  [ -n "$2" ] || not "$1: no ciphers are chosen"
}

control_plane() {
  closed '1.1.1 to 1.1.8' 600 $etc/manifests/kube-apiserver.yaml $etc/manifests/kube-controller-manager.yaml $etc/manifests/kube-scheduler.yaml $etc/manifests/etcd.yaml
  closed 1.1.11 700 /var/lib/etcd
  closed '1.1.13 to 1.1.18' 600 $etc/admin.conf $etc/controller-manager.conf $etc/scheduler.conf
  [ ! -e $etc/super-admin.conf ] || not "1.1.13: $etc/super-admin.conf is still there"
  closed 1.1.19 755 $etc/pki $etc/pki/etcd
  closed 1.1.20 644 $etc/pki/*.crt $etc/pki/etcd/*.crt
  closed 1.1.21 600 $etc/pki/*.key $etc/pki/etcd/*.key
  closed '1.2.27, 3.2.1' 600 $etc/policies/*.yaml
  flags kube-apiserver && {
    is 1.2.1 authentication-config $etc/policies/authentication.yaml
    unset_ 1.2.1 anonymous-auth
    unset_ 1.2.2 token-auth-file
    holds 1.2.3 enable-admission-plugins DenyServiceExternalIPs
    set_ 1.2.4 kubelet-client-certificate
    set_ 1.2.4 kubelet-client-key
    is 1.2.5 kubelet-certificate-authority $etc/pki/ca.crt
    lacks 1.2.6 authorization-mode AlwaysAllow
    holds 1.2.7 authorization-mode Node
    holds 1.2.8 authorization-mode RBAC
    holds 1.2.9 enable-admission-plugins EventRateLimit
    lacks 1.2.10 enable-admission-plugins AlwaysAdmit
    lacks 1.2.12 disable-admission-plugins ServiceAccount
    lacks 1.2.13 disable-admission-plugins NamespaceLifecycle
    holds 1.2.14 enable-admission-plugins NodeRestriction
    is 1.2.15 profiling false
    set_ 1.2.16 audit-log-path
    [ "$(value audit-log-maxage)" -ge 30 ] || not '1.2.17: audit logs are kept for fewer than 30 days'
    [ "$(value audit-log-maxbackup)" -ge 10 ] || not '1.2.18: fewer than 10 audit logs are kept'
    [ "$(value audit-log-maxsize)" -ge 100 ] || not '1.2.19: audit logs are smaller than 100 MB'
    is 1.2.21 service-account-lookup true
    set_ 1.2.22 service-account-key-file
    set_ 1.2.23 etcd-certfile
    set_ 1.2.23 etcd-keyfile
    set_ 1.2.24 tls-cert-file
    set_ 1.2.25 client-ca-file
    set_ 1.2.26 etcd-cafile
    set_ 1.2.27 encryption-provider-config
    grep -A 1 'providers:' $etc/policies/encryption.yaml | grep -q secretbox || not '1.2.28: the first provider of encryption is not secretbox'
    ciphers 1.2.29 "$(value tls-cipher-suites)"
    is 1.2.30 service-account-extend-token-expiration false
    set_ 3.2.1 audit-policy-file
  }
  flags kube-controller-manager && {
    set_ 1.3.1 terminated-pod-gc-threshold
    is 1.3.2 profiling false
    is 1.3.3 use-service-account-credentials true
    set_ 1.3.4 service-account-private-key-file
    set_ 1.3.5 root-ca-file
    is 1.3.7 bind-address 127.0.0.1
  }
  flags kube-scheduler && {
    is 1.4.1 profiling false
    is 1.4.2 bind-address 127.0.0.1
  }
  flags etcd && {
    set_ 2.1 cert-file
    set_ 2.1 key-file
    is 2.2 client-cert-auth true
    case $(value auto-tls) in '' | false) ;; *) not '2.3: --auto-tls' ;; esac
    set_ 2.4 peer-cert-file
    set_ 2.4 peer-key-file
    is 2.5 peer-client-cert-auth true
    case $(value peer-auto-tls) in '' | false) ;; *) not '2.6: --peer-auto-tls' ;; esac
    cmp -s $etc/pki/etcd/ca.crt $etc/pki/ca.crt && not '2.7: etcd has the CA of the cluster'
  }
  for what in 'group: rbac' 'pods/exec' 'secrets'; do
    grep -q "$what" $etc/policies/audit.yaml || not "3.2.2: the audit policy says nothing of $what"
  done
}

node() {
  for network in /etc/cni/net.d/*; do
    if [ -f "$network" ]; then closed '1.1.9, 1.1.10' 600 "$network"; fi
  done
  closed '4.1.5, 4.1.6' 600 $etc/kubelet.conf
  closed '4.1.7, 4.1.8' 644 $etc/pki/ca.crt
  closed '4.1.9, 4.1.10' 600 /var/lib/kubelet/config.yaml
  config=/var/lib/kubelet/config.yaml
  # says ITEM LINE: the configuration has that line, at the top or below a field
  says() { grep -Eq "^ *$2\$" $config || not "$1: $config lacks $2"; }
  sed -n '/^authentication:/,/^[a-z]/p' $config | sed -n '/anonymous:/,/webhook:/p' | grep -q 'enabled: false' || not '4.2.1: requests without a name'
  says 4.2.2 'mode: Webhook'
  says 4.2.3 "clientCAFile: $etc/pki/ca.crt"
  if grep -Eq '^readOnlyPort: *[1-9]' $config; then not '4.2.4: a read-only port'; fi
  if grep -Eq '^streamingConnectionIdleTimeout: *"?0s?"?$' $config; then not '4.2.5: streams that are idle are never ended'; fi
  if grep -Eq '^makeIPTablesUtilChains: *false' $config; then not '4.2.6: makeIPTablesUtilChains'; fi
  if grep -q 'hostname-override' /var/lib/kubelet/kubeadm-flags.env && ! [ "$(uname -n)" != "$(sed -n 's/.*hostname-override=\([^ "]*\).*/\1/p' /var/lib/kubelet/kubeadm-flags.env)" ]; then not '4.2.7: --hostname-override'; fi
  says 4.2.9 'serverTLSBootstrap: true'
  says 4.2.10 'rotateCertificates: true'
  for certificate in /var/lib/kubelet/pki/kubelet-client-current.pem /var/lib/kubelet/pki/kubelet-server-current.pem; do
    openssl verify -CAfile $etc/pki/ca.crt "$certificate" >/dev/null 2>&1 || not "4.2.9, 4.2.11: $certificate is not of the cluster's CA"
  done
  ciphers 4.2.12 "$(sed -n '/^tlsCipherSuites:/,/^[a-z]/s/^ *- *//p' $config | tr '\n' ',')"
  says 4.2.13 'podPidsLimit: [1-9][0-9]*'
  says 4.2.14 'seccompDefault: true'
  got=$(curl -s -m 5 -o /dev/null -w '%{http_code}' http://127.0.0.1:10249/healthz)
  [ "$got" = 200 ] || not "4.3.1: kube-proxy's metrics on loopback answer $got"
  if ss -Hltn 'sport = :10249' | awk '{ print $4 }' | grep -vq '^127\.'; then not "4.3.1: kube-proxy's metrics are not on loopback alone"; fi
}

trap 'rm -f /run/care-cis.flags' EXIT
case "${1-}" in
  control-plane) control_plane; node ;;
  node) node ;;
  *) sed -n '2,4s/^# //p' "$0" >&2; exit 64 ;;
esac
exit "$bad"

#!/bin/sh
# Tries the policies of a cluster from inside pods, as their programs would. On a control plane that is a node of it:
#   verify.sh DOMAIN PULL-POLICY deny|allow     whether pods may talk to nobody but DNS before anybody has allowed it
# Prints what is wrong; exits 0 when all is as it should be.
set -u
umask 077
LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
KUBECONFIG=/etc/kubernetes/admin.conf
export LC_ALL PATH KUBECONFIG
domain=$1 policy=$2 default=$3
work=$(mktemp -d "${TMPDIR:-/var/tmp}/calico-verify-XXXXXX") || exit 1
# As verify of role kubernetes names its namespace; the label has care-default-deny hold for these all the same.
one=care-verify-${$}1 two=care-verify-${$}2
made=
end() {
  [ -z "$made" ] || timeout 60 kubectl delete namespace "$one" "$two" --wait=false >/dev/null 2>&1
  rm -rf "$work"
}
trap end EXIT
trap 'exit 1' HUP INT TERM
fail() { printf '%s\n' "$*"; exit 1; }
kube() { timeout 60 kubectl --request-timeout 20s "$@"; }
# eventually SECONDS WORDS: until it does, or the time is over
eventually() {
  over=$(( $(date +%s) + $1 ))
  shift
  while ! "$@" >/dev/null 2>"$work/error"; do
    [ "$(date +%s)" -lt "$over" ] || return 1
    sleep 1
  done
}
not() { ! "$@"; }

node=$(uname -n)
other=$(kube get nodes -o 'jsonpath={range .items[*]}{.metadata.name}{"\n"}{end}' | grep -vxF "$node" | head -n 1)
other=${other:-$node}
image=$(kube -n kube-system get deployment coredns -o 'jsonpath={.spec.template.spec.containers[0].image}') || fail 'CoreDNS is not there'
dns=$(kube -n kube-system get service kube-dns -o 'jsonpath={.spec.clusterIP}') || fail 'the service kube-dns is not there'
api=$(kube -n default get service kubernetes -o 'jsonpath={.spec.clusterIP}') || fail 'the service kubernetes is not there'

# pod NAMESPACE NAME NODE: one that answers, of an image that every cluster has
pod() {
  cat <<END
---
apiVersion: v1
kind: Pod
metadata: {name: $2, namespace: $1, labels: {app: $2}}
spec:
  nodeName: $3
  automountServiceAccountToken: false
  dnsPolicy: Default
  terminationGracePeriodSeconds: 1
  tolerations: [{operator: Exists}]
  securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: answer
      image: $image
      imagePullPolicy: $policy
      args: ["-conf", "/etc/coredns/Corefile"]
      securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}}
      readinessProbe: {httpGet: {path: /health, port: 8080}, periodSeconds: 1}
      volumeMounts: [{name: corefile, mountPath: /etc/coredns}]
  volumes: [{name: corefile, configMap: {name: corefile}}]
END
}
space() {
  cat <<END
---
apiVersion: v1
kind: Namespace
metadata:
  name: $1
  labels: {pod-security.kubernetes.io/enforce: restricted, care-provision/verify: calico}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: corefile, namespace: $1}
data:
  Corefile: |
    .:5353 {
      health :8080 {
        lameduck 0s
      }
      forward . $dns
    }
END
}
{ space "$one"; space "$two"; pod "$one" client "$node"; pod "$one" near "$other"; pod "$two" far "$other"; } >"$work/pods.yaml"
made=yes
kube apply -f "$work/pods.yaml" >/dev/null 2>"$work/error" || fail "pods: $(tail -n 3 "$work/error")"
for which in "$one client" "$one near" "$two far"; do
  # shellcheck disable=SC2086
  set -- $which
  timeout 130 kubectl -n "$1" wait --for=condition=Ready "pod/$2" --timeout=120s >/dev/null 2>"$work/error" ||
    fail "the pod $2 does not run: $(tail -n 1 "$work/error") $(kube -n "$1" get events --no-headers | tail -n 3)"
done
address() { kube -n "$1" get pod "$2" -o 'jsonpath={.status.podIP}'; }
near=$(address "$one" near) far=$(address "$two" far)
sandbox=$(crictl pods --namespace "$one" --name client --state Ready -q 2>/dev/null | head -n 1)
pid=$(crictl inspectp -o go-template --template '{{.info.pid}}' "$sandbox" 2>/dev/null)
case $pid in '' | *[!0-9]*) fail 'the network of the pod is not to be found' ;; esac

# From inside the pod's network, with this host's programs.
reaches() { nsenter -t "$pid" -n -- curl -fs -m 3 -o /dev/null "http://$1:8080/health"; }
resolves() { nsenter -t "$pid" -n -- timeout 10 host -W 3 "kubernetes.default.svc.$domain" "$dns" </dev/null | grep -q "has address $api\$"; }
# Whether a connection comes about; what the API says of a request without a name does not matter.
opens() { nsenter -t "$pid" -n -- curl -sk -m 3 -o /dev/null "https://$1/"; }
open() { eventually 30 "$@" || fail "$said: $* is closed"; }
closed() { eventually 30 not "$@" || fail "$said: $* is open"; }

said='before any policy'
if [ "$default" = deny ]; then
  closed reaches "$near"
  closed reaches "$far"
  closed opens "$api:443"
else
  open reaches "$near"
  open reaches "$far"
  open opens "$api:443"
fi
open resolves

said='pods of a namespace may talk to one another'
cat >"$work/within.yaml" <<END
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: within, namespace: $one}
spec: {podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{from: [{podSelector: {}}]}], egress: [{to: [{podSelector: {}}]}]}
END
kube apply -f "$work/within.yaml" >/dev/null 2>"$work/error" || fail "a NetworkPolicy: $(tail -n 1 "$work/error")"
open reaches "$near"
closed reaches "$far"
closed opens "$api:443"
# Policies of a tier are asked one after the other: what no NetworkPolicy speaks of, care-default-deny lets through to DNS.
if [ "$default" = deny ]; then open resolves; else closed resolves; fi

said='and to those of another one'
cat >"$work/between.yaml" <<END
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: to-another, namespace: $one}
spec: {podSelector: {}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $two}}}], ports: [{protocol: TCP, port: 8080}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: from-another, namespace: $two}
spec: {podSelector: {}, policyTypes: [Ingress], ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $one}}}]}]}
END
kube apply -f "$work/between.yaml" >/dev/null 2>"$work/error" || fail "NetworkPolicies: $(tail -n 1 "$work/error")"
open reaches "$far"
exit 0

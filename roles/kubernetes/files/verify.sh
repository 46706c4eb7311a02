#!/bin/sh
# Tries a Kubernetes cluster as its users do. Prints what is wrong; exits 0 when all is as it should be. On a control plane:
#   verify.sh nodes VERSION             `NAME ADDRESS control-plane|node` a line on standard input: those, ready, and no others
#   verify.sh pods DOMAIN PULL-POLICY   a pod on each node answers, and asks a service by its name
#   verify.sh api ADDRESS:PORT KEY LEVEL   who must not get in; encryption at rest; the audit log; Pod Security
set -u
umask 077
LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
KUBECONFIG=/etc/kubernetes/admin.conf
export LC_ALL PATH KUBECONFIG
work=$(mktemp -d "${TMPDIR:-/var/tmp}/kubernetes-verify-XXXXXX") || exit 1
space=
end() {
  [ -z "$space" ] || timeout 60 kubectl delete namespace "$space" --wait=false >/dev/null 2>&1
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

nodes() {
  grep . | sort >"$work/wanted"
  kube get nodes -o 'jsonpath={range .items[*]}{.metadata.name}{" "}{.status.addresses[?(@.type=="InternalIP")].address}{" "}{.metadata.labels}{"\n"}{end}' >"$work/raw" 2>"$work/error" || fail "nodes: $(tail -n 1 "$work/error")"
  while read -r name address labels; do
    case $labels in *node-role.kubernetes.io/control-plane*) role=control-plane ;; *) role=node ;; esac
    echo "$name $address $role"
  done <"$work/raw" | sort >"$work/got"
  diff "$work/wanted" "$work/got" >"$work/diff" || fail "nodes (< inventory, > cluster): $(grep '^[<>]' "$work/diff")"
  kube get nodes -o 'jsonpath={range .items[*]}{.metadata.name}{" "}{.status.conditions[?(@.type=="Ready")].status}{" "}{.status.nodeInfo.kubeletVersion}{"\n"}{end}' >"$work/ready" || fail 'nodes do not answer'
  bad=$(awk -v version="$1" '$2 != "True" || $3 != version' "$work/ready")
  [ -z "$bad" ] || fail "not ready, or not $1: $bad"
  waiting=$(kube get csr --field-selector spec.signerName=kubernetes.io/kubelet-serving -o 'jsonpath={range .items[*]}{.metadata.name}{" ."}{.status.conditions[*].type}{"\n"}{end}' | grep -c ' \.$')
  [ "$waiting" -eq 0 ] || fail "$waiting kubelets wait for a serving certificate: care-kubelet-csr approve"
}

pods() {
  domain=$1 policy=$2
  space=care-verify-$$
  image=$(kube -n kube-system get deployment coredns -o 'jsonpath={.spec.template.spec.containers[0].image}') || fail 'CoreDNS is not there'
  dns=$(kube -n kube-system get service kube-dns -o 'jsonpath={.spec.clusterIP}') || fail 'the service kube-dns is not there'
  api=$(kube -n default get service kubernetes -o 'jsonpath={.spec.clusterIP}') || fail 'the service kubernetes is not there'
  # A DNS server in a pod on each node, which asks the cluster's: so answers come by way of pod, service and another pod. It has an image that every cluster has.
  cat >"$work/pods.yaml" <<END
apiVersion: v1
kind: Namespace
metadata:
  name: $space
  labels: {pod-security.kubernetes.io/enforce: restricted}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: corefile, namespace: $space}
data:
  Corefile: |
    .:5353 {
      health :8080 {
        lameduck 0s
      }
      forward . $dns
    }
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: answer, namespace: $space}
spec:
  selector: {matchLabels: {app: answer}}
  template:
    metadata: {labels: {app: answer}}
    spec:
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
  kube apply -f "$work/pods.yaml" >/dev/null 2>"$work/error" || fail "pods: $(tail -n 3 "$work/error")"
  timeout 180 kubectl -n "$space" rollout status daemonset answer --timeout=150s >/dev/null 2>"$work/error" ||
    fail "no pod runs everywhere: $(tail -n 1 "$work/error") $(kube -n "$space" get pods -o wide --no-headers) $(kube -n "$space" get events --no-headers | tail -n 5)"
  kube -n "$space" get pods -l app=answer -o 'jsonpath={range .items[*]}{.spec.nodeName}{" "}{.status.podIP}{"\n"}{end}' >"$work/pods"
  [ "$(grep -c . "$work/pods")" -eq "$(kube get nodes -o name | grep -c .)" ] || fail "not a pod on each node: $(cat "$work/pods")"
  name=kubernetes.default.svc.$domain
  while read -r node ip; do
    eventually 30 curl -fs -m 5 -o /dev/null "http://$ip:8080/health" || fail "the pod on $node ($ip) does not answer from here"
    eventually 30 resolves "$name" "$ip" "$api" || fail "the pod on $node does not find $name: $(cat "$work/host")"
  done <"$work/pods"
  eventually 30 resolves53 "$name" "$dns" "$api" || fail "the cluster's DNS does not give $name to a node: $(cat "$work/host")"
}
resolves() { timeout 10 host -W 3 -p 5353 "$1" "$2" >"$work/host" 2>&1 </dev/null; grep -q "has address $3\$" "$work/host"; }
resolves53() { timeout 10 host -W 3 "$1" "$2" >"$work/host" 2>&1 </dev/null; grep -q "has address $3\$" "$work/host"; }

api() {
  at=$1 key=$2 level=$3
  ca=/etc/kubernetes/pki/ca.crt
  code() { curl -s -m 10 -o /dev/null -w '%{http_code}' --cacert "$ca" "$@"; }
  for path in /readyz /livez; do [ "$(code "https://$at$path")" = 200 ] || fail "$path is $(code "https://$at$path")"; done
  for path in /api /version /metrics /api/v1/namespaces/kube-public/configmaps/cluster-info; do
    got=$(code "https://$at$path")
    [ "$got" = 401 ] || fail "somebody without a name gets $got for $path"
  done
  for port in 10250 10255 10257 10259; do
    got=$(curl -sk -m 5 -o /dev/null -w '%{http_code}' "https://${at%:*}:$port/metrics")
    case $got in 000 | 401 | 403) ;; *) fail "somebody without a name gets $got on port $port" ;; esac
  done
  # It reads the file again by itself, and goes on with the former one when it refuses what it finds.
  asked=$(sha256sum </etc/kubernetes/policies/authentication.yaml)
  eventually 90 authenticates "${asked%% *}" || fail "the API server does not go by /etc/kubernetes/policies/authentication.yaml as it is: crictl logs \$(crictl ps --name kube-apiserver -q)"
  secret=care-verify-$(date +%s)-$$
  kube -n kube-system create secret generic "$secret" --from-literal "word=$secret" >/dev/null 2>"$work/error" || fail "a Secret: $(tail -n 1 "$work/error")"
  kube -n kube-system get secret "$secret" -o name >/dev/null
  care-kubernetes-etcdctl get "/registry/secrets/kube-system/$secret" --print-value-only >"$work/raw" 2>"$work/error"
  kube -n kube-system delete secret "$secret" >/dev/null
  head -c 64 "$work/raw" | grep -aq "^k8s:enc:secretbox:v1:$key:" || fail "a Secret in etcd begins with $(head -c 40 "$work/raw" | tr -cd '[:print:]')"
  if grep -aq "$secret" "$work/raw"; then fail 'a Secret stands in etcd as it is'; fi
  # Written by whichever API server was asked; kubectl asks by way of the balancer.
  kube --server "https://$at" -n kube-system get secret "$secret" -o name >/dev/null 2>&1
  eventually 10 grep -q "\"name\":\"$secret\"" /var/log/kubernetes/audit/audit.log || fail 'reading a Secret is not in the audit log'
  if grep "\"name\":\"$secret\"" /var/log/kubernetes/audit/audit.log | grep -q '"responseObject"'; then fail 'the audit log holds what a Secret says'; fi
  [ "$level" = privileged ] || {
    cat >"$work/bad.yaml" <<END
apiVersion: v1
kind: Pod
metadata: {name: bad, namespace: default}
spec: {containers: [{name: bad, image: bad, securityContext: {privileged: true}}]}
END
    if kube create --dry-run=server -f "$work/bad.yaml" >/dev/null 2>"$work/error"; then fail 'a privileged pod is let in'; fi
    grep -q 'violates PodSecurity' "$work/error" || fail "a privileged pod is refused, but not by Pod Security: $(tail -n 1 "$work/error")"
  }
}
# authenticates SHA256: whether the API server says that this is the file that it goes by; those before 1.35 do not tell
authenticates() {
  kube --server "https://$at" get --raw /metrics >"$work/metrics" || return 1
  grep '^apiserver_authentication_config_controller_last_config_info' "$work/metrics" >"$work/authentication" || return 0
  grep -q "hash=\"sha256:$1\"" "$work/authentication"
}

what=$1
shift
case $what in
  nodes | pods | api) "$what" "$@" ;;
  *) fail "unknown check $what" ;;
esac
exit 0

#!/bin/sh
# Tries containerd as kubelet does, through the CRI. Prints what is wrong; exits 0 when all is as it should be.
#   verify.sh SANDBOX-IMAGE
set -u
LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/local/bin:/usr/local/sbin
work=$(mktemp -d "${TMPDIR:-/var/tmp}/containerd-verify-XXXXXX") || exit 1
pod=
end() {
  [ -z "$pod" ] || { crictl stopp "$pod" >/dev/null 2>&1; crictl rmp -f "$pod" >/dev/null 2>&1; }
  rm -rf "$work"
}
trap end EXIT
trap 'exit 1' HUP INT TERM
fail() { printf '%s\n' "$*"; exit 1; }
timeout 30 crictl info >"$work/info" 2>"$work/error" || fail "containerd does not answer: $(tail -n 3 "$work/error")"
grep -q '"systemdCgroup": *true' "$work/info" || grep -q '"SystemdCgroup": *true' "$work/info" || fail 'control groups are not left to systemd'
timeout 30 crictl inspecti "$1" >/dev/null 2>"$work/error" || fail "the image $1 of sandboxes is not there: $(tail -n 1 "$work/error")"
if systemctl is-active --quiet kubelet.service; then
  # kubelet takes away what it does not know: one of its own is looked at.
  tried=$(crictl pods --state Ready -q | head -n 5)
  [ -n "$tried" ] || fail 'no pod runs, though kubelet does'
else
# A pod on the network of the host: there need be no CNI yet.
cat >"$work/pod.json" <<END
{"metadata": {"name": "care-verify-$$", "namespace": "care-verify", "uid": "care-verify-$$"}, "linux": {"cgroup_parent": "system.slice", "security_context": {"namespace_options": {"network": 2}}}, "log_directory": "$work"}
END
pod=$(timeout 60 crictl runp "$work/pod.json" 2>"$work/error") || { pod=; fail "no pod can be run: $(tail -n 3 "$work/error")"; }
tried=$pod
fi
# Of several, since one may just be ending. The process by its place: "pid" stands for a kind of namespace, too.
seen=
for each in $tried; do
  described=$(crictl inspectp --output go-template --template '{{.status.state}} {{.info.pid}}' "$each" 2>"$work/error") || described='gone none'
  state=${described%% *} pid=${described##* }
  if [ "$state" != SANDBOX_READY ] || [ ! -d "/proc/$pid" ]; then seen="$seen $each is $state;"; continue; fi
  grep -q "cri-containerd-$each.scope" "/proc/$pid/cgroup" || fail "the pod is not in a scope of systemd: $(cat "/proc/$pid/cgroup")"
  exit 0
done
fail "no pod is ready:$seen"

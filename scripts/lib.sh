# shellcheck shell=sh disable=SC2154,SC2016
# What the scripts share: words for people, and the steps that make a machine ready. Sourced, with $root set to the
# checkout, the current directory there, and $work set to a directory for logs before the first step.

say() { printf '%s\n' "$*"; }
step() { printf '\n==> %s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# Runs as root: at once, or through sudo.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null 2>&1; then
    sudo "$@"
  else
    die "this needs root and there is no sudo: $*"
  fi
}

apt_lists_fresh=
# Installs the packages that are not there yet; a Debian or Ubuntu machine is presumed.
apt_install() {
  missing=
  for package in "$@"; do
    status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
    [ "$status" = 'install ok installed' ] || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  command -v apt-get >/dev/null 2>&1 || die "install these by hand, there is no apt-get here:$missing"
  say "installing:$missing"
  if [ -z "$apt_lists_fresh" ]; then
    as_root apt-get -o DPkg::Lock::Timeout=300 update -q >"$work/apt.log" 2>&1 || { tail -n 20 "$work/apt.log" >&2; die 'apt-get update failed: does the Debian mirror in /etc/apt answer?'; }
    apt_lists_fresh=yes
  fi
  # shellcheck disable=SC2086 # a list of package names
  as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l apt-get -o DPkg::Lock::Timeout=300 install -y -q --no-install-recommends $missing >"$work/apt.log" 2>&1 </dev/null ||
    { tail -n 20 "$work/apt.log" >&2; die "could not install:$missing"; }
}

# Is there a package of this name to install?
apt_knows() { apt-cache show "$1" >/dev/null 2>&1; }

node_fits() {
  [ -x "$1" ] && "$1" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 22 || (a === 22 && b >= 22) ? 0 : 1)' 2>/dev/null
}

# Sets $node; brings Node 24 as an npm package into .tools/ where the machine's own is older than 22.22.
ensure_node() {
  if node_fits "$root/.tools/node/bin/node"; then
    node=$root/.tools/node/bin/node
  elif command -v node >/dev/null 2>&1 && node_fits "$(command -v node)"; then
    node=$(command -v node)
  else
    case $(uname -m) in
      x86_64) platform=linux-x64 ;;
      aarch64) platform=linux-arm64 ;;
      *) die "bring Node.js 22.22 or later yourself: there is no npm package of it for $(uname -m)" ;;
    esac
    command -v npm >/dev/null 2>&1 || apt_install nodejs npm
    say "bringing Node 24 into .tools/ (this machine has $(node --version 2>/dev/null || echo none))"
    npm install --prefix "$root/.tools" --no-save --no-audit --no-fund --ignore-scripts "node-$platform@24" >"$work/npm.log" 2>&1 || { tail -n 20 "$work/npm.log" >&2; die "npm could not bring node-$platform"; }
    ln -sfn "node_modules/node-$platform" "$root/.tools/node"
    node=$root/.tools/node/bin/node
    node_fits "$node" || die "$node does not run"
  fi
  PATH=$(dirname "$node"):$PATH
  export PATH
  say "Node $("$node" --version), $node"
}

# Installs the locked dependencies when they are not there or the lock file is newer than they are.
ensure_modules() {
  # npm ci empties it first, through the link: whose it is knows what is in it.
  if [ -L node_modules ]; then
    say 'dependencies: node_modules is a link, left as it is'
    return 0
  fi
  if [ -n "$(find node_modules/.package-lock.json -newer package-lock.json 2>/dev/null)" ]; then
    say 'dependencies: as locked'
    return 0
  fi
  command -v npm >/dev/null 2>&1 || apt_install npm
  say 'dependencies: npm ci'
  npm ci --ignore-scripts --no-audit --no-fund >"$work/npm.log" 2>&1 || { tail -n 20 "$work/npm.log" >&2; die 'npm ci failed: does the npm registry answer?'; }
  touch node_modules/.package-lock.json
}

# Bundles the program when a source is newer than the bundle.
ensure_build() {
  if [ -f dist/care-provision.cjs ] && [ -z "$(find src -newer dist/care-provision.cjs -print | head -n 1)" ]; then
    say 'dist/: up to date'
  else
    "$node" scripts/bundle.mjs || die 'the program does not build'
  fi
}

docker_answers() { docker version >"$work/docker.log" 2>&1; }

# A docker daemon that answers: installed and started if need be.
ensure_docker() {
  if command -v docker >/dev/null 2>&1 && docker_answers; then
    say "docker $(docker version --format '{{.Server.Version}}')"
    return 0
  fi
  if ! command -v docker >/dev/null 2>&1 || ! command -v dockerd >/dev/null 2>&1; then
    apt_install docker.io iproute2 iptables
    # Debian 13 has the command line in a package of its own.
    if ! command -v docker >/dev/null 2>&1 && apt_knows docker-cli; then apt_install docker-cli; fi
  fi
  docker_answers && return 0
  if [ -d /run/systemd/system ]; then
    say 'starting docker with systemd'
    as_root systemctl start docker || die 'systemctl start docker failed: journalctl -u docker'
  elif ! as_root sh -c 'pid=$(cat /var/run/docker.pid 2>/dev/null) && kill -0 "$pid" 2>/dev/null'; then
    log=/var/log/dockerd.log
    say "no systemd here: starting dockerd in the background, log in $log"
    as_root sh -c "setsid dockerd >>$log 2>&1 </dev/null &"
  fi
  tries=60
  until docker_answers; do
    if grep -qi 'permission denied' "$work/docker.log"; then
      die "docker runs, but this user may not use it: sudo usermod -aG docker $(id -un), log in again, and repeat"
    fi
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { cat "$work/docker.log" >&2; die 'the docker daemon does not answer after 60 s'; }
    sleep 1
  done
  say "docker $(docker version --format '{{.Server.Version}}')"
}

# What lab up needs, and the images it starts from.
ensure_lab() {
  apt_install mmdebstrap debian-archive-keyring gpg libdistro-info-perl openssh-client iproute2 uidmap
  "$node" --input-type=module -e "
    import { ensureImage, RELEASES } from '$root/src/lab/index.ts';
    try {
      for (const release of RELEASES) await ensureImage(release, { report: console.log });
    } catch (error) {
      console.error(typeof error.format === 'function' ? error.format() : error);
      process.exit(1);
    }
  " || die 'the lab images could not be built'
  say 'lab images: care-lab:trixie, care-lab:bookworm'
}

# What lab up --driver vm needs, and the images it starts from.
ensure_vm() {
  [ "$(uname -m)" = x86_64 ] || die "virtual machines of the lab need an x86-64 machine, this is $(uname -m)"
  [ "$(id -u)" -eq 0 ] || die 'virtual machines of the lab need root: run this with sudo'
  apt_install qemu-system-x86 qemu-utils e2fsprogs iptables mmdebstrap debian-archive-keyring gpg libdistro-info-perl openssh-client iproute2 tcpdump
  "$node" --input-type=module -e "
    import { ensureVmImage, RELEASES } from '$root/src/lab/index.ts';
    try {
      for (const release of RELEASES) await ensureVmImage(release, { report: console.log });
    } catch (error) {
      console.error(typeof error.format === 'function' ? error.format() : error);
      process.exit(1);
    }
  " || die 'the images of virtual machines could not be built'
  say 'images of virtual machines: trixie, bookworm'
}

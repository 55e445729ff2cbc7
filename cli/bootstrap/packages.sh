# System packages: only what is missing, by the file or command each is needed for. Nothing already installed is
# upgraded or removed, and the distribution's own Postgres cluster is not created.

have() { command -v "$1" >/dev/null 2>&1; }

go_at_least_126() {
  local version
  version=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) || return 1
  [[ $version =~ ^go([0-9]+)\.([0-9]+) ]] || return 1
  [ "${BASH_REMATCH[1]}" -gt 1 ] || [ "${BASH_REMATCH[2]}" -ge 26 ]
}

# Any Go can fetch the one we build with (cli/up/go.ts); /usr/local/go is where its own installer puts it.
have_go() { have go || [ -x /usr/local/go/bin/go ]; }

missing_packages() {
  have nft || echo nftables
  have ip || echo iproute2
  # Network slots are used again at once only where the flows of their last guest can be forgotten.
  have conntrack || echo conntrack
  have mkfs.erofs || echo erofs-utils
  have mmdebstrap || echo mmdebstrap
  have mkfs.xfs || echo xfsprogs
  have setpriv && have unshare || echo util-linux
  have mount || echo mount
  have ps || echo procps
  have useradd || echo passwd
  [ -s /etc/ssl/certs/ca-certificates.crt ] || echo ca-certificates
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || [ -n "${DATABASE_URL:-}" ] || echo postgresql
  have npm || echo npm
  have_go || echo golang-go
  # The published Python client is tested as its users install it.
  [ "${command:-}" != test ] || python3 -m pip --version >/dev/null 2>&1 || echo python3-pip
  # Guides are run as they stand.
  [ "${command:-}" != test ] || have curl || echo curl
}

apt() {
  DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 NEEDRESTART_SUSPEND=1 \
    apt-get -q -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold "$@"
}

lists_know() {
  local package
  for package in "$@"; do
    apt-cache policy "$package" 2>/dev/null | grep -qE '^  Candidate: [^(]' || return 1
  done
}

apt_install() { apt install -y --no-install-recommends "$@"; }

# Lists that are old name versions which the mirrors have dropped: one refresh, then once more.
apt_install_or_refresh() {
  apt_install "$@" && return
  apt update && apt_install "$@"
}

install_packages() {
  local missing no_cluster=/etc/postgresql-common/createcluster.d/pandastack.conf status=0
  mapfile -t missing < <(missing_packages)
  if [ "${#missing[@]}" -eq 0 ]; then
    printf '  ok    system packages: nothing is missing\n'
    return
  fi
  # What an interrupted run has left half configured would make every later one fail.
  if [ -n "$(ls -A /var/lib/dpkg/updates 2>/dev/null)" ]; then step 'unfinished packages' dpkg --configure -a; fi
  lists_know "${missing[@]}" || step 'package lists' apt update
  mkdir -p "${no_cluster%/*}"
  printf 'create_main_cluster = false\n' >"$no_cluster"
  (step "system packages: ${missing[*]}" apt_install_or_refresh "${missing[@]}") || status=$?
  rm -f "$no_cluster"
  [ "$status" -eq 0 ] || exit "$status"
}

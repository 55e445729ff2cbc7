# What the machine has, tried rather than read where trying is harmless. One function a check; each answers with one
# line "level<TAB>name<TAB>sentence", level ok, warn or fail. `pandastack doctor` reads the same lines.
# Checks that need a tool which is not installed yet answer nothing before, and are run after the packages.

needs_memory_mib=1500
needs_disk_mib=8000
likes_disk_mib=20000

say() { printf '%s\t%s\t%s\n' "$1" "$2" "$3"; }

# The nearest folder above a path that exists.
existing() {
  local path=$1
  while [ ! -d "$path" ]; do path=$(dirname "$path"); done
  echo "$path"
}

check_root() {
  if [ "$(id -u)" = 0 ]; then say ok root 'running as root'
  else say fail root 'namespaces, mounts and packages need root: run it from a root shell'; fi
}

check_system() {
  local id like name version
  eval "$(sed -n 's/^\(ID\|ID_LIKE\|VERSION_ID\|PRETTY_NAME\)=/os_\1=/p' /etc/os-release 2>/dev/null)"
  id=${os_ID:-unknown} like=${os_ID_LIKE:-} version=${os_VERSION_ID:-} name=${os_PRETTY_NAME:-unknown}
  case $id:$version in
    debian:12* | debian:13* | ubuntu:24.04*) say ok system "$name" ;;
    *)
      if command -v apt-get >/dev/null && [[ "$id $like" =~ debian|ubuntu ]]; then
        say warn system "$name: tried on Debian 12, 13 and Ubuntu 24.04 only"
      else
        say fail system "$name: Debian 12, 13 or Ubuntu 24.04 is needed (packages come from apt)"
      fi
      ;;
  esac
}

check_architecture() {
  case $(uname -m) in
    x86_64 | aarch64) say ok architecture "$(uname -m)" ;;
    *) say fail architecture "$(uname -m): x86_64 or aarch64 is needed" ;;
  esac
}

check_kernel() {
  local release major minor
  release=$(uname -r)
  IFS=. read -r major minor _ <<<"${release//-/.}"
  if [ "$((major * 1000 + minor))" -ge 5010 ]; then say ok kernel "$release"
  else say fail kernel "$release: 5.10 or later is needed"; fi
}

check_tracing() {
  local scope
  scope=$(cat /proc/sys/kernel/yama/ptrace_scope 2>/dev/null || echo 0)
  if [ "$scope" -lt 3 ]; then say ok tracing 'processes may trace their children'
  else say fail tracing 'kernel.yama.ptrace_scope is 3, but the sandbox kernel traces its processes: set it to 1 or 2'; fi
}

check_namespaces() {
  local kind
  for kind in user net mount pid; do
    local flags=("--$kind")
    [ "$kind" = pid ] && flags+=(--fork)
    if ! timeout 10 unshare "${flags[@]}" true 2>/dev/null; then
      say fail namespaces "no $kind namespace could be made (a container without --privileged, or a sysctl such as user.max_user_namespaces)"
      return
    fi
  done
  say ok namespaces 'user, net, mount and pid namespaces can be made'
}

check_veth() {
  command -v ip >/dev/null || return 0
  if timeout 10 unshare --net sh -c 'ip link add pds0 type veth peer name pds1 && ip link set pds0 up' 2>/dev/null; then
    say ok veth 'virtual links can be made'
  else
    say fail veth 'no virtual link (veth) could be made in a new net namespace: the kernel module is missing'
  fi
}

check_nftables() {
  command -v nft >/dev/null || return 0
  local rules='table inet pds_try {
    set neighbours { type ipv4_addr; flags interval; elements = { 10.0.0.0/8 } }
    chain forward { type filter hook forward priority 0; policy drop; ct state established accept; ip daddr @neighbours drop; }
    chain out { type nat hook postrouting priority 100; ip saddr 10.0.0.0/8 masquerade; }
  }'
  if printf '%s\n' "$rules" | timeout 10 unshare --net nft -f - 2>/dev/null; then
    say ok nftables 'filter, set and NAT rules load in a new net namespace'
  else
    say fail nftables 'nft rules do not load in a new net namespace: the kernel lacks nf_tables, conntrack or NAT'
  fi
}

check_forwarding() {
  if [ "$(cat /proc/sys/net/ipv4/ip_forward)" = 1 ]; then say ok forwarding 'IPv4 forwarding is on'
  elif (: >>/proc/sys/net/ipv4/ip_forward) 2>/dev/null; then say ok forwarding 'IPv4 forwarding is off and can be switched on'
  else say fail forwarding '/proc/sys is read-only here, so IPv4 forwarding cannot be switched on: set net.ipv4.ip_forward=1'; fi
}

# Version 1 and hybrid have a mount for each controller, version 2 one tree for all.
cgroup_dir_of() {
  awk -v want="$1" '$3 == "cgroup" { n = split($4, o, ","); for (i = 1; i <= n; i++) if (o[i] == want) { print $2; exit } }' /proc/mounts
}

check_cgroups() {
  local controller dir missing='' root2 kind='version 1'
  root2=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
  for controller in cpu memory pids; do
    dir=$(cgroup_dir_of "$controller")
    if [ -z "$dir" ] && [ -n "$root2" ] && grep -qw "$controller" "$root2/cgroup.controllers" 2>/dev/null; then
      dir=$root2 kind='version 2'
    fi
    if [ -z "$dir" ] || ! mkdir "$dir/pds-try-$$" 2>/dev/null; then missing+=" $controller"; continue; fi
    rmdir "$dir/pds-try-$$"
  done
  if [ -z "$missing" ]; then say ok cgroups "cpu, memory and pids can be limited ($kind)"
  else say fail cgroups "no writable cgroup for:$missing (mount /sys/fs/cgroup read-write)"; fi
}

reflinks_at() {
  local probe status=1
  probe=$(mktemp -d "$1/.pds-try.XXXXXX" 2>/dev/null) || return 1
  head -c 65536 /dev/zero >"$probe/a" && cp --reflink=always "$probe/a" "$probe/b" 2>/dev/null && status=0
  rm -rf "$probe"
  return "$status"
}

check_reflinks() {
  if reflinks_at "$(existing "$home/data")"; then say ok reflinks "files under $home can be cloned"; return; fi
  modprobe -q loop 2>/dev/null || true
  modprobe -q xfs 2>/dev/null || true
  if [ ! -e /dev/loop-control ]; then
    say fail reflinks "$home has no reflinks, and without /dev/loop-control no XFS image can be mounted there"
  elif ! grep -qwE 'xfs|btrfs' /proc/filesystems; then
    say fail reflinks "$home has no reflinks, and the kernel knows neither XFS nor btrfs"
  else
    say ok reflinks "$home has no reflinks: an XFS image in a sparse file will be mounted at $home/data"
  fi
}

check_disk() {
  local at free
  at=$(existing "$home")
  free=$(df -Pk "$at" | awk 'NR == 2 { print int($4 / 1024) }')
  if [ "$free" -lt "$needs_disk_mib" ]; then say fail disk "$free MiB free at $at: $needs_disk_mib MiB are needed"
  elif [ "$free" -lt "$likes_disk_mib" ]; then say warn disk "$free MiB free at $at: enough to start, $likes_disk_mib MiB are better"
  else say ok disk "$free MiB free at $at"; fi
}

check_memory() {
  local free total
  free=$(awk '$1 == "MemAvailable:" { print int($2 / 1024) }' /proc/meminfo)
  total=$(awk '$1 == "MemTotal:" { print int($2 / 1024) }' /proc/meminfo)
  if [ "$free" -lt "$needs_memory_mib" ]; then say fail memory "$free of $total MiB available: $needs_memory_mib MiB are needed"
  elif [ "$free" -lt 4000 ]; then say warn memory "$free of $total MiB available: room for very few sandboxes"
  else say ok memory "$free of $total MiB available"; fi
}

# Prints the process that listens on a TCP port; nothing, but with success, when it cannot be seen.
listener_on() {
  local hex inode link
  hex=$(printf '%04X' "$1")
  inode=$(awk -v port=":$hex" '$4 == "0A" && substr($2, length($2) - 4) == port { print $10; exit }' /proc/net/tcp /proc/net/tcp6 2>/dev/null)
  [ -n "$inode" ] || return 1
  # Processes come and go while it looks: what cannot be read any more is no error.
  link=$(find /proc/[0-9]*/fd -maxdepth 1 -lname "socket:\\[$inode\\]" -print -quit 2>/dev/null || true)
  link=${link#/proc/}
  echo "${link%%/*}"
}

# Left over by a supervisor that was killed: `up` takes it over. The state file names processes with their start times.
ours() {
  grep -A1 -F "\"pid\": $1," "$home/run/state.json" 2>/dev/null | grep -qF "\"startTime\": \"$(start_time_of "$1")\""
}

check_port() {
  local address port pid
  [ "$listen" != any ] || return 0
  address=${listen:-127.0.0.1:4280}
  port=${address##*:}
  if [[ ! $port =~ ^[0-9]{1,5}$ ]] || [ "$((10#$port))" -lt 1 ] || [ "$((10#$port))" -gt 65535 ]; then
    say fail port "\"$address\" is no address to listen on: write HOST:PORT"
  elif supervisor_runs; then say ok port "an \"up\" of $home is running"
  elif ! pid=$(listener_on "$((10#$port))"); then say ok port "port $port is free"
  elif [ -n "$pid" ] && ours "$pid"; then say ok port "port $port is held by an earlier \"up\", which is taken over"
  else
    local who='a process of another container or user'
    [ -z "$pid" ] || who="$(cat "/proc/$pid/comm" 2>/dev/null) (process $pid)"
    say fail port "port $port is taken by $who: stop it or choose another with --listen HOST:PORT"
  fi
}

preflight() {
  local check checks=(root system architecture kernel tracing namespaces veth nftables forwarding cgroups reflinks disk memory port)
  case $1 in
    before) checks=(root system architecture kernel tracing namespaces forwarding cgroups reflinks disk memory port) ;;
    after) checks=(veth nftables) ;;
  esac
  # What is wrong for lack of root alone would only hide the cause.
  [ "$(id -u)" = 0 ] || checks=(root system architecture kernel disk memory)
  for check in "${checks[@]}"; do "check_$check"; done
}

preflight_or_stop() {
  local level name sentence failed=''
  while IFS=$'\t' read -r level name sentence; do
    printf '  %-5s %-13s %s\n' "$level" "$name" "$sentence"
    [ "$level" = fail ] && failed+=" $name"
  done < <(preflight "$1")
  [ -z "$failed" ] && return
  printf '\nThis machine cannot run sandboxes as it is:%s.\n' "$failed" >&2
  [ "$1" = after ] || printf 'Nothing was downloaded or changed.\n' >&2
  exit 1
}

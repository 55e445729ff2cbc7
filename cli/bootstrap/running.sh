# Whether an `up` of this home is running: its supervisor writes "<pid> <start time> <boot id>" (cli/up/supervisor).
# The start time in clock ticks since boot tells the process from a later one with the same number.

supervisor_runs() {
  local pid start boot stat rest fields
  [ -r "$home/run/supervisor.pid" ] || return 1
  read -r pid start boot <"$home/run/supervisor.pid" || return 1
  [ "$boot" = "$(cat /proc/sys/kernel/random/boot_id)" ] || return 1
  stat=$(cat "/proc/$pid/stat" 2>/dev/null) || return 1
  rest=${stat##*) } # the name in brackets may hold spaces; the state is field 3
  read -r -a fields <<<"$rest"
  [ "${fields[0]}" != Z ] && [ "${fields[19]}" = "$start" ]
}

# Whether an `up` of this home is running: its supervisor writes "<pid> <start time> <boot id>" (cli/up/supervisor).
# The start time in clock ticks since boot tells the process from a later one with the same number.

# Prints the start time of a process that runs.
start_time_of() {
  local stat fields
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  # The name in brackets may hold spaces; behind it come the fields from the third on.
  read -r -a fields <<<"${stat##*) }"
  [ "${fields[0]}" != Z ] && echo "${fields[19]}"
}

supervisor_runs() {
  local pid start boot
  [ -r "$home/run/supervisor.pid" ] || return 1
  read -r pid start boot <"$home/run/supervisor.pid" || return 1
  [ "$boot" = "$(cat /proc/sys/kernel/random/boot_id)" ] && [ "$(start_time_of "$pid")" = "$start" ]
}

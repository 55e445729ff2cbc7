# What bootstrapping prints: one line a step, with its time; the rest goes to a log that is shown when a step fails.
# Shaped like the lines of cli/terminal/steps.ts, which take over after Node is there.

log_file=/dev/null

if [ -t 1 ] && [ "${TERM:-dumb}" != dumb ]; then tty=1; else tty=''; fi

heading() { printf '%s\n' "$1"; }

# The log lives in the home, which only root can make; without it the checks before have already ended the run.
open_log() {
  mkdir -p "$home/log"
  chmod 755 "$home" "$home/log"
  log_file=$home/log/bootstrap.log
  # Kept from one run to the next, cut when it has grown.
  if [ -f "$log_file" ] && [ "$(stat -c %s "$log_file")" -gt 4000000 ]; then mv -f "$log_file" "$log_file.1"; fi
  printf '\n== %s\n' "$(date -u +%FT%TZ)" >>"$log_file"
}

# step LABEL COMMAND...: runs it with its output in the log, counts seconds on a terminal, and ends the run if it fails.
step() {
  local label=$1 began=$SECONDS start pid status=0
  shift
  start=$(wc -c <"$log_file")
  printf -- '-- %s: %s\n' "$label" "$*" >>"$log_file"
  [ -n "$tty" ] || printf '  ...   %s\n' "$label"
  # A process group of its own: otherwise a background command would go on after Ctrl-C.
  set -m
  "$@" </dev/null >>"$log_file" 2>&1 &
  pid=$!
  set +m
  trap 'kill -TERM -- -"$pid" 2>/dev/null; wait "$pid" 2>/dev/null; printf "\n"; exit 130' INT TERM HUP
  if [ -n "$tty" ]; then
    while kill -0 "$pid" 2>/dev/null; do
      printf '\r\033[K  ...   %s  %s s' "$label" "$((SECONDS - began))"
      sleep 0.5
    done
    printf '\r\033[K'
  fi
  wait "$pid" || status=$?
  trap - INT TERM HUP
  if [ "$status" -eq 0 ]; then
    printf '  ok    %s  %s s\n' "$label" "$((SECONDS - began))"
    return
  fi
  printf '  fail  %s  %s s (exit %s)\n' "$label" "$((SECONDS - began))" "$status"
  printf '\nThe end of its output (all of it: %s)\n' "$log_file" >&2
  tail -c "+$((start + 1))" "$log_file" | tail -n 40 | sed 's/^/    /' >&2
  exit 1
}

// A command line that puts itself into a group before it becomes the command, so that not even its first instruction
// runs outside. For launchers that cannot do it themselves.

const script = 'while [ "$1" != -- ]; do echo 0 > "$1" || exit 125; shift; done; shift; exec "$@"'

/** Exit code 125 means that the group could not be entered. */
export const inside = (
  procsFiles: readonly string[],
  command: string,
  args: readonly string[],
): { command: string; args: string[] } => ({
  command: '/bin/sh',
  args: ['-c', script, 'inside', ...procsFiles, '--', command, ...args],
})

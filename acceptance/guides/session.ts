// An interpreter that runs one block after the other and keeps what they define, as a reader's terminal would. Owns its
// process and all that it starts; a block that fails ends it.

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Writable } from 'node:stream'

/** Each reads names of files with code from descriptor 3, so that blocks cannot eat them from standard input. */
const drivers = {
  sh: [
    'bash',
    '-c',
    `set -euo pipefail
     while IFS= read -r block <&3; do source "$block"; printf '\\n%s\\n' "$GUIDE_MARK"; done`,
  ],
  python: [
    'python3',
    '-u',
    '-c',
    `import os
scope = {"__name__": "__main__"}
for block in open(3):
    block = block.strip()
    exec(compile(open(block).read(), block, "exec"), scope)
    print("\\n" + os.environ["GUIDE_MARK"], flush=True)`,
  ],
} as const

const blockDeadlineMs = 180_000

export interface Session extends AsyncDisposable {
  /** What the block wrote to standard output. Throws with all that was said when it fails. */
  run(code: string): Promise<string>
}

export const openSession = async (
  language: keyof typeof drivers,
  options: { env: Record<string, string>; cwd: string },
): Promise<Session> => {
  const [program, ...args] = drivers[language]
  const dir = await mkdtemp(path.join(tmpdir(), 'guide-'))
  const mark = `mark-${crypto.randomUUID()}`
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...options.env, GUIDE_MARK: mark },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    // A group of its own, so that what blocks leave running ends with it.
    detached: true,
  })
  const heard = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name]?.setEncoding('utf8').on('data', (text: string) => (heard[name] += text))
  const names = child.stdio[3] as Writable
  names.on('error', () => undefined)
  let count = 0
  return {
    async run(code) {
      const file = path.join(dir, `${(count += 1)}`)
      await writeFile(file, code)
      Object.assign(heard, { stdout: '', stderr: '' })
      names.write(`${file}\n`)
      if (!(await marked(child, heard, `\n${mark}\n`)))
        throw new Error(`the block failed:\n${heard.stdout}\n${heard.stderr}`)
      return heard.stdout.slice(0, heard.stdout.indexOf(`\n${mark}\n`))
    },
    async [Symbol.asyncDispose]() {
      const over = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : null
      if (child.pid !== undefined) endGroup(child.pid)
      await over
      await rm(dir, { recursive: true })
    },
  }
}

/** False when the process ends before it writes the mark, or does not write it in time. */
const marked = async (child: ChildProcess, heard: { stdout: string }, mark: string): Promise<boolean> => {
  const over = new AbortController()
  const deadline = AbortSignal.any([over.signal, AbortSignal.timeout(blockDeadlineMs)])
  const gone = (): void => over.abort()
  child.once('close', gone)
  try {
    if (child.exitCode !== null) return false
    while (!heard.stdout.includes(mark))
      await once(child.stdout as object as ChildProcess, 'data', { signal: deadline })
    return true
  } catch {
    return false
  } finally {
    child.off('close', gone)
  }
}

const endGroup = (pid: number): void => {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // All of it has ended by itself.
  }
}

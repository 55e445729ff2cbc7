// The Go that our programs are built with. A machine's own is taken when it is new enough; else any Go, however old,
// fetches the pinned one as a module through its module proxy, and we check it against the sum written here.

import { chmod, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '@pandastack/kit/process/run.ts'
import { Refusal } from '../exit-codes.ts'
import type { Home } from './home.ts'
import { buildEnvironment } from './supervisor/environment.ts'

export interface Go {
  program: string
  version: string
  env: Record<string, string>
}

type Env = Readonly<Record<string, string | undefined>>

/** What the newest of our go.mod files asks for. */
const needed = [1, 26, 3]
const pinned = '1.26.8'
const sums: Record<string, string> = {
  amd64: 'h1:ZOmGe1OnfREDMIdb1Qi4G9JSuDPBLGExZMQ4nis1RXM=',
  arm64: 'h1:sYL/O6MqS68ML0kjsQ36WoYIpJqkw60TxizWUYUKQMc=',
}
const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64'
const fetchDeadlineMs = 900_000

/** `go1.26.8` and `go1.26.8 X:something` are enough, `go1.26rc1` and `devel …` are not. */
export const isEnough = (version: string): boolean => {
  const parts = /^go(\d+)\.(\d+)(?:\.(\d+))?(?: |$)/
    .exec(version)
    ?.slice(1)
    .map((part) => Number(part ?? 0))
  if (!parts) return false
  const difference = needed.map((part, index) => (parts[index] ?? 0) - part).find((part) => part !== 0)
  return (difference ?? 0) >= 0
}

/** Ours to say, whatever the machine's own settings are: which Go, where it keeps things, and no flags of others. */
export const goEnvironment = (home: Home, env: Env): Record<string, string> => ({
  ...buildEnvironment(env),
  ...(env['HOME'] !== undefined && { HOME: env['HOME'] }),
  GOTOOLCHAIN: 'local',
  GOWORK: 'off',
  GOFLAGS: '-modcacherw',
  GOPATH: join(home.cache, 'go'),
  GOMODCACHE: join(home.cache, 'go/mod'),
  GOCACHE: join(home.cache, 'go/build'),
  CGO_ENABLED: '0',
})

const versionOf = async (program: string, env: Record<string, string>): Promise<string | null> => {
  const found = await run(program, ['env', 'GOVERSION'], { deadlineMs: 20_000, env, cwd: '/' }).catch(
    () => null,
  )
  return found?.exitCode === 0 ? found.stdout.trim() : null
}

const candidates = (env: Env): string[] =>
  [
    ...new Set(
      [...(env['PATH'] ?? '').split(':'), '/usr/local/go/bin', '/usr/bin'].filter((dir) =>
        dir.startsWith('/'),
      ),
    ),
  ].map((dir) => join(dir, 'go'))

/** The archive of a module holds no file modes. */
const makeExecutable = async (root: string): Promise<void> => {
  const tools = join(root, 'pkg/tool', `linux_${architecture}`)
  for (const dir of [join(root, 'bin'), tools]) {
    for (const name of await readdir(dir)) await chmod(join(dir, name), 0o755)
  }
}

const fetchPinned = async (
  fetcher: string,
  env: Record<string, string>,
  signal: AbortSignal,
): Promise<string> => {
  const module = `golang.org/toolchain@v0.0.1-go${pinned}.linux-${architecture}`
  const fetched = await run(fetcher, ['mod', 'download', '-json', module], {
    deadlineMs: fetchDeadlineMs,
    env,
    cwd: env['GOPATH'] ?? '/',
    signal,
  })
  const said = (fetched.exitCode === 0 ? JSON.parse(fetched.stdout) : {}) as { Dir?: string; Sum?: string }
  if (said.Dir === undefined) {
    throw new Refusal(
      `Go ${pinned} could not be fetched: ${fetched.stderr.trim() || fetched.stdout.trim()}`,
      {
        hint: 'is the Go module proxy reachable from here (GOPROXY, HTTPS_PROXY)? Or install Go 1.26.3 or later yourself',
      },
    )
  }
  if (said.Sum !== sums[architecture])
    throw new Refusal(`the fetched Go ${pinned} is not the one we know: ${said.Sum}`)
  await makeExecutable(said.Dir)
  return join(said.Dir, 'bin/go')
}

/** A Go that can build us. Fetches one, once per cache, when the machine has none. */
export const findGo = async (home: Home, env: Env, signal: AbortSignal): Promise<Go> => {
  const goEnv = goEnvironment(home, env)
  await mkdir(join(home.cache, 'go'), { recursive: true })
  let fetcher: string | undefined
  for (const program of candidates(env)) {
    const version = await versionOf(program, goEnv)
    if (version === null) continue
    if (isEnough(version)) return { program, version, env: goEnv }
    fetcher ??= program
  }
  if (fetcher === undefined) throw new Refusal('there is no Go on this machine (package golang-go)')
  const program = await fetchPinned(fetcher, goEnv, signal)
  const version = await versionOf(program, goEnv)
  if (version === null || !isEnough(version))
    throw new Refusal(`the fetched Go does not run here: ${program}`)
  return { program, version, env: goEnv }
}

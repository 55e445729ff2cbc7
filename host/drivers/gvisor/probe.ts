// Proves that runsc works here by running a program in it and comparing the exit code with the same program's outside.

import { copyFile, mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { run } from '@pandastack/kit/process/run.ts'
import type { Probe } from '@pandastack/driver/driver.ts'
import type { GvisorConfig } from './config.ts'

const probeDeadlineMs = 20_000

/** The driver's version is the binary itself: a snapshot is only good for the very runsc that took it. */
export async function driverVersion(config: GvisorConfig): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(config.runscPath), hash)
  return `runsc-${hash.digest('hex').slice(0, 16)}`
}

const unusable = (reason: string): Probe => ({ usable: false, tier: 'none', version: '', reason })

export async function probe(config: GvisorConfig, signal: AbortSignal): Promise<Probe> {
  let version: string
  try {
    version = await driverVersion(config)
  } catch {
    return unusable(`runsc is not there: ${config.runscPath}`)
  }
  const dir = await mkdtemp(path.join(tmpdir(), 'pandastack-probe-'))
  try {
    const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }
    const limits = { deadlineMs: probeDeadlineMs, maxOutputBytes: 65_536, env, signal }
    await mkdir(path.join(dir, 'root'))
    await copyFile(config.launcherPath, path.join(dir, 'root', 'probe'))
    await writeFile(path.join(dir, 'config.json'), JSON.stringify(probeSpec(dir)))
    const outside = await run(config.launcherPath, [], limits)
    const inside = await run(
      config.runscPath,
      [
        `--root=${config.stateDir}`,
        '--platform=systrap',
        '--network=none',
        '--ignore-cgroups',
        'run',
        '--bundle',
        dir,
        path.basename(dir),
      ],
      limits,
    )
    if (inside.timedOut) return unusable('a program in runsc did not finish within 20 s')
    if (inside.exitCode !== outside.exitCode)
      return unusable(
        `a program in runsc did not run: ${inside.stderr.trim().split('\n').at(-1) ?? ''}`.slice(0, 500),
      )
    return {
      usable: true,
      tier: 'user-kernel',
      version,
      reason: 'a program ran in gVisor (systrap): its system calls are served by a kernel in user space',
    }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

const probeSpec = (dir: string) => ({
  ociVersion: '1.0.2',
  process: { user: { uid: 0, gid: 0 }, args: ['/probe'], cwd: '/', env: ['PATH=/'] },
  root: { path: path.join(dir, 'root'), readonly: true },
  mounts: [],
  linux: {
    namespaces: [{ type: 'pid' }, { type: 'ipc' }, { type: 'uts' }, { type: 'mount' }, { type: 'network' }],
  },
})

// Proves that runsc works here by running a program in it, under a user id of its own as machines are, and comparing the exit code with the same program's outside.

import { chmod, copyFile, mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { run } from '@pandastack/kit/process/run.ts'
import type { Probe } from '@pandastack/driver/driver.ts'
import type { GvisorConfig } from './config.ts'
import { endAll } from './kill.ts'
import { uidRange } from './launch.ts'
import { allProcesses } from './processes.ts'

const probeDeadlineMs = 20_000
const userNamespacesMax = '/proc/sys/user/max_user_namespaces'
/** Below the ranges of machines, as slots are counted from 1. */
const probeUidBase = 1_073_741_824

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
  const obstacle = userNamespaceObstacle(await readFile(userNamespacesMax, 'utf8').catch(() => null))
  if (obstacle !== null) return unusable(obstacle)
  const dir = await mkdtemp(path.join(tmpdir(), 'pandastack-probe-'))
  try {
    const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }
    const limits = { deadlineMs: probeDeadlineMs, maxOutputBytes: 65_536, env, signal }
    // What is in it is for the probe's own user to read.
    await chmod(dir, 0o711)
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
        `a program in runsc, in a user namespace of its own, did not run: ${inside.stderr.trim().split('\n').at(-1) ?? ''}`.slice(
          0,
          500,
        ),
      )
    return {
      usable: true,
      tier: 'user-kernel',
      version,
      reason: 'a program ran in gVisor (systrap): its system calls are served by a kernel in user space',
    }
  } finally {
    const id = path.basename(dir)
    await endAll(config, id, async () =>
      (await allProcesses(config)).filter(({ machineId }) => machineId === id).map(({ pid }) => pid),
    )
    await rm(dir, { recursive: true, force: true })
  }
}

/** Machines are kept apart on the host by user ids of their own; without user namespaces there is no machine. */
export const userNamespaceObstacle = (maxText: string | null): string | null => {
  if (maxText === null) return 'this kernel has no user namespaces, in which alone sandboxes are run'
  if (Number(maxText) > 0) return null
  return 'user namespaces, in which alone sandboxes are run, are switched off on this host (sysctl user.max_user_namespaces)'
}

const ids = [{ containerID: 0, hostID: probeUidBase, size: uidRange }]

const probeSpec = (dir: string) => ({
  ociVersion: '1.0.2',
  process: { user: { uid: 0, gid: 0 }, args: ['/probe'], cwd: '/', env: ['PATH=/'] },
  root: { path: path.join(dir, 'root'), readonly: true },
  mounts: [],
  linux: {
    namespaces: ['pid', 'ipc', 'uts', 'mount', 'user', 'network'].map((type) => ({ type })),
    uidMappings: ids,
    gidMappings: ids,
  },
})

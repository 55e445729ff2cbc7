// The bare engine: the same runsc, image and snapshot by hand, one command after the other, as one would without us.
// Needs root and a running installation, whose template it borrows; works in a network namespace of its own.

import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import path from 'node:path'
import { createGvisorDriver } from '@pandastack/driver-gvisor/index.ts'
import { defaults } from '@pandastack/driver-gvisor/config.ts'
import { diskFlag, globalFlags, ociSpec, diskDir, rootDir } from '@pandastack/driver-gvisor/launch.ts'
import type { Place, Snapshot } from '@pandastack/driver/values.ts'
import { runChecked, run } from '@pandastack/kit/process/run.ts'

const home = process.env['PANDASTACK_HOME'] ?? '/var/lib/pandastack'
const netns = 'pandastack-bench'
const config = {
  runscPath: path.join(home, 'bin', 'runsc'),
  launcherPath: path.join(home, 'bin', 'launcher'),
  stateDir: path.join(home, 'run', 'bench-runsc'),
  ...defaults,
}

export interface Bare extends AsyncDisposable {
  /** create, restore, exec of `argv`, delete: the time of the first three is what a user waits for. */
  cycle(argv: string[], timed: (task: () => Promise<void>) => Promise<void>): Promise<void>
}

/** Uses the snapshot of `template` that the installation has baked. */
export async function bareEngine(template: string): Promise<Bare> {
  const templates = path.join(home, 'data', 'templates')
  const name = (await readdir(templates)).find(
    (entry) => entry.startsWith(`${template}-`) && !entry.endsWith('.making'),
  )
  if (!name) throw new Error(`template ${template} has not been baked`)
  const snapshot = JSON.parse(await readFile(path.join(templates, name, 'manifest.json'), 'utf8')) as Snapshot
  const options = { deadlineMs: 60_000, env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } }
  await run('ip', ['netns', 'add', netns], options)
  const runsc = (args: string[]) => runChecked(config.runscPath, [...globalFlags(config), ...args], options)

  const makePlace = async (): Promise<Place> => {
    const machineId = randomUUID()
    const dir = path.join(home, 'data', 'bench', machineId)
    const nic = {
      slot: 0,
      netnsPath: `/run/netns/${netns}`,
      device: '',
      mac: '',
      guestAddress: '',
      prefixLength: 30,
      gateway: '',
      hostAddress: '',
    }
    const place = { machineId, dir, nic, uidBase: 2_000_000_000, cgroupProcsFiles: [] }
    await mkdir(rootDir(place), { recursive: true })
    await mkdir(diskDir(place), { recursive: true })
    await writeFile(
      path.join(dir, 'config.json'),
      JSON.stringify(ociSpec(place, snapshot.image, snapshot.limits, ['/usr/lib/pandastack/guestd'])),
    )
    return place
  }
  return {
    cycle: async (argv, timed) => {
      const place = await makePlace()
      const id = place.machineId
      try {
        await timed(async () => {
          // The sandbox keeps what it gets as standard streams, so they are not our pipes.
          const silent = ['-c', 'exec "$@" </dev/null >/dev/null 2>&1', 'sh']
          const create = [...globalFlags(config), diskFlag(place), 'create', '--bundle', place.dir, id]
          await runChecked('/bin/sh', [...silent, config.runscPath, ...create], options)
          await runsc([
            diskFlag(place),
            'restore',
            '--bundle',
            place.dir,
            '--image-path',
            snapshot.dir,
            '--detach',
            '--background',
            id,
          ])
          await runsc(['exec', id, ...argv])
        })
      } finally {
        await run(config.runscPath, [...globalFlags(config), 'kill', id, 'KILL'], options)
        await run(config.runscPath, [...globalFlags(config), 'delete', '--force', id], options)
        await rm(place.dir, { recursive: true, force: true })
      }
    },
    [Symbol.asyncDispose]: async () => {
      await createGvisorDriver(config).release()
      await run('ip', ['netns', 'delete', netns], options)
      await rm(path.join(home, 'data', 'bench'), { recursive: true, force: true })
    },
  }
}

// The bare engine: the same runsc, image and snapshots by hand, one command after the other, as one would without us.
// Needs root and a running installation, whose template it borrows. Namespace, directory and records are this process's
// own, so that two benchmarks at a time do not take each other's away.

import { mkdir, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import path from 'node:path'
import { createGvisorDriver } from '@pandastack/driver-gvisor/index.ts'
import { defaults } from '@pandastack/driver-gvisor/config.ts'
import { diskFlag, globalFlags, ociSpec, diskDir, rootDir } from '@pandastack/driver-gvisor/launch.ts'
import type { Place, Snapshot } from '@pandastack/driver/values.ts'
import { runChecked, run } from '@pandastack/kit/process/run.ts'

const home = process.env['PANDASTACK_HOME'] ?? '/var/lib/pandastack'
/** The first process of our images. */
export const guestd = '/usr/lib/pandastack/guestd'
const netns = `pandastack-bench-${process.pid}`
const placesDir = path.join(home, 'data', 'bench', String(process.pid))
const config = {
  runscPath: path.join(home, 'bin', 'runsc'),
  launcherPath: path.join(home, 'bin', 'launcher'),
  stateDir: path.join(home, 'run', `bench-runsc-${process.pid}`),
  ...defaults,
}
const options = { deadlineMs: 60_000, env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } }
const runsc = (args: string[]) => runChecked(config.runscPath, [...globalFlags(config), ...args], options)

/** A place in which nothing runs until something is restored into it. Disposed of with everything in it. */
export interface BareMachine extends AsyncDisposable {
  /** `runsc create` and `runsc start`. */
  boot(): Promise<void>
  /** `runsc create` and `runsc restore`. */
  restore(dir: string): Promise<void>
  /** What it printed. */
  exec(argv: string[]): Promise<string>
  shell(command: string): Promise<string>
  /** Into a directory that is not there yet. */
  checkpoint(dir: string, how: { leaveRunning: boolean }): Promise<void>
}

export interface Bare extends AsyncDisposable {
  /** Directory of the template's snapshot. */
  template: string
  /** `first` is the command line of the first process, for machines that are booted. */
  machine(first?: string): Promise<BareMachine>
  /** A directory for a checkpoint, not there yet; goes with the engine. */
  imageDir(): string
  /** create, restore, exec of `argv`, delete: the time of the first three is what a user waits for. */
  cycle(argv: string[], timed: (task: () => Promise<void>) => Promise<void>): Promise<void>
}

/** The newest: an image that was built anew leaves the snapshot of the one before. */
const bakedSnapshot = async (template: string): Promise<Snapshot> => {
  const templates = path.join(home, 'data', 'templates')
  const names = (await readdir(templates)).filter(
    (entry) => entry.startsWith(`${template}-`) && !entry.endsWith('.making'),
  )
  const baked = await Promise.all(
    names.map(async (name) => {
      const text = await readFile(path.join(templates, name, 'manifest.json'), 'utf8')
      return JSON.parse(text) as Snapshot & { createdUnixMs: number }
    }),
  )
  const [newest] = baked.sort((a, b) => b.createdUnixMs - a.createdUnixMs)
  if (!newest) throw new Error(`template ${template} has not been baked`)
  return newest
}

const makePlace = async ({ image, limits }: Snapshot, first: string): Promise<Place> => {
  const machineId = randomUUID()
  const dir = path.join(placesDir, machineId)
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
  const spec = ociSpec(place, image, limits, ['/bin/sh', '-c', first])
  await writeFile(path.join(dir, 'config.json'), JSON.stringify(spec))
  return place
}

const machineIn = (place: Place): BareMachine => {
  const id = place.machineId
  const exec = async (argv: string[]): Promise<string> => (await runsc(['exec', id, ...argv])).stdout
  const create = async (): Promise<void> => {
    // The sandbox keeps what it gets as standard streams, so they are not our pipes.
    const silent = ['-c', 'exec "$@" </dev/null >/dev/null 2>&1', 'sh']
    const command = [...globalFlags(config), diskFlag(place), 'create', '--bundle', place.dir, id]
    await runChecked('/bin/sh', [...silent, config.runscPath, ...command], options)
  }
  return {
    boot: async () => {
      await create()
      await runsc(['start', id])
    },
    restore: async (dir) => {
      await create()
      const how = ['--bundle', place.dir, '--image-path', dir, '--detach', '--background']
      await runsc([diskFlag(place), 'restore', ...how, id])
    },
    exec,
    shell: (command) => exec(['/bin/sh', '-c', command]),
    checkpoint: async (dir, { leaveRunning }) => {
      const how = ['--compression=none', '--exclude-committed-zero-pages']
      if (leaveRunning) how.push('--leave-running')
      await runsc(['checkpoint', '--image-path', dir, ...how, id])
    },
    [Symbol.asyncDispose]: async () => {
      await run(config.runscPath, [...globalFlags(config), 'kill', id, 'KILL'], options)
      await run(config.runscPath, [...globalFlags(config), 'delete', '--force', id], options)
      await rm(place.dir, { recursive: true, force: true })
    },
  }
}

/** Uses the snapshot of `template` that the installation has baked. */
export async function bareEngine(template: string): Promise<Bare> {
  const snapshot = await bakedSnapshot(template)
  await run('ip', ['netns', 'add', netns], options)
  // For those that an error or an interrupt left; ending one twice does no harm.
  const all = new AsyncDisposableStack()
  const machine = async (first = `exec ${guestd}`): Promise<BareMachine> =>
    all.use(machineIn(await makePlace(snapshot, first)))
  return {
    template: snapshot.dir,
    machine,
    imageDir: () => path.join(placesDir, `image-${randomUUID()}`),
    cycle: async (argv, timed) => {
      await using one = await machine()
      await timed(async () => {
        await one.restore(snapshot.dir)
        await one.exec(argv)
      })
    },
    [Symbol.asyncDispose]: async () => {
      await all.disposeAsync()
      await createGvisorDriver(config).release()
      await run('ip', ['netns', 'delete', netns], options)
      await rm(placesDir, { recursive: true, force: true })
      // The other benchmark's is in it, perhaps.
      await rmdir(path.dirname(placesDir)).catch(() => undefined)
    },
  }
}

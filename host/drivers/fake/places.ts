// What a place is made of, without root: a network of free ports on the loopback address, directories, no cgroups, images
// without content. In the shape that the agent asks of its network, cgroups, storage and images.

import { createHash, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { cp, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import path from 'node:path'
import type { Image, Limits, Nic } from '@pandastack/driver/values.ts'

export { createFakeSums } from './sums.ts'

const loopback = '127.0.0.1'
/** Below the range from which the kernel takes ports for connections that are made from here. */
const portFirst = 16_384
const portAfterLast = 32_768
const triesMax = 1000

const isFree = async (port: number): Promise<boolean> => {
  const server = createServer()
  const listening = once(server, 'listening').then(
    () => true,
    () => false,
  )
  server.listen(port, loopback)
  const free = await listening
  await new Promise((resolve) => server.close(resolve))
  return free
}

/**
 * An address that the real guest agent will find among its own, which are the host's: that of the way out, because other
 * interfaces may come and go while a test runs.
 */
const ownAddress = async (): Promise<string> => {
  const routes = await readFile('/proc/net/route', 'utf8')
  const device = /^(\S+)\t00000000\t/m.exec(routes)?.[1] ?? ''
  return networkInterfaces()[device]?.find(({ family }) => family === 'IPv4')?.address ?? loopback
}

export const createFakeNetwork = () => {
  const inUse = new Map<number, Nic>()
  const freePort = async (): Promise<number> => {
    for (let tries = 0; tries < triesMax; tries++) {
      const port = randomInt(portFirst, portAfterLast)
      if (![...inUse.values()].some(({ guestPort }) => guestPort === port) && (await isFree(port)))
        return port
    }
    throw new Error('no free port for a machine')
  }
  return {
    acquire: async (): Promise<Nic> => {
      let slot = 0
      while (inUse.has(slot)) slot++
      const nic: Nic = {
        slot,
        netnsPath: '/proc/self/ns/net',
        device: 'lo',
        mac: '02:00:00:00:00:00',
        guestAddress: loopback,
        prefixLength: 8,
        gateway: loopback,
        hostAddress: loopback,
      }
      inUse.set(slot, nic)
      try {
        nic.guestPort = await freePort()
        nic.guestAddress = await ownAddress()
        return nic
      } catch (error) {
        inUse.delete(slot)
        throw error
      }
    },
    refresh: async (): Promise<void> => undefined,
    release: async (nic: Nic): Promise<void> => void inUse.delete(nic.slot),
    adopt: async (nics: Nic[]): Promise<void> => nics.forEach((nic) => inUse.set(nic.slot, nic)),
    leaks: async (known: Nic[]): Promise<{ kind: 'namespace'; name: string; detail: string }[]> =>
      [...inUse.keys()]
        .filter((slot) => !known.some((nic) => nic.slot === slot))
        .map((slot) => ({ kind: 'namespace', name: `slot ${slot}`, detail: 'acquired by nobody' })),
    close: async (): Promise<void> => undefined,
  }
}

export const createFakeCgroups = () => {
  const groups = new Map<string, { limits: Limits; oomKills: number }>()
  return {
    create: async (id: string, limits: Limits): Promise<{ procsFiles: string[] }> => {
      groups.set(id, { limits, oomKills: 0 })
      return { procsFiles: [] }
    },
    oomKills: async (id: string): Promise<number> => groups.get(id)?.oomKills ?? 0,
    kill: async (): Promise<void> => undefined,
    remove: async (id: string): Promise<void> => void groups.delete(id),
    list: async (): Promise<string[]> => [...groups.keys()],
    release: async (): Promise<void> => undefined,
    /** For tests: the kernel has killed something in it for want of memory. */
    countOomKill: (id: string): void => {
      const group = groups.get(id)
      if (group) group.oomKills++
    },
  }
}

/** Renames as the real ones do; what is in the making has a name with a dot. */
const createFakeSnapshotDirs = (root: string) => {
  const at = (id: string): string => path.join(root, id)
  const making = (id: string): string => path.join(root, `.making-${id}`)
  const remove = (dir: string): Promise<void> => rm(dir, { recursive: true, force: true })
  return {
    make: async (id: string): Promise<string> => {
      await remove(making(id))
      await mkdir(making(id), { mode: 0o700 })
      return making(id)
    },
    publish: async (id: string): Promise<string> => {
      await rename(making(id), at(id))
      return at(id)
    },
    abandon: (id: string): Promise<void> => remove(making(id)),
    path: at,
    list: async (): Promise<string[]> => (await readdir(root)).filter((name) => !name.startsWith('.')),
    remove: (id: string): Promise<void> => remove(at(id)),
    clone: (from: string, to: string): Promise<void> => cp(at(from), making(to), { recursive: true }),
    sweep: async (): Promise<void> => {
      for (const name of await readdir(root)) if (name.startsWith('.')) await remove(path.join(root, name))
    },
  }
}

export const createFakeStorage = async (dir: string) => {
  const places = path.join(dir, 'machines')
  const templatesDir = path.join(dir, 'templates')
  const snapshots = path.join(dir, 'snapshots')
  for (const folder of [places, templatesDir, snapshots])
    await mkdir(folder, { recursive: true, mode: 0o700 })
  return {
    templatesDir,
    createPlace: async (id: string): Promise<string> => {
      await mkdir(path.join(places, id), { mode: 0o700 })
      return path.join(places, id)
    },
    removePlace: (id: string): Promise<void> => rm(path.join(places, id), { recursive: true, force: true }),
    listPlaces: (): Promise<string[]> => readdir(places),
    publish: (from: string, to: string): Promise<void> => rename(from, to),
    snapshots: createFakeSnapshotDirs(snapshots),
    freeSpace: async (): Promise<{ freeBytes: number; low: boolean }> => ({ freeBytes: 2 ** 40, low: false }),
  }
}

export const fakeImage = (name: string): Image => ({
  name,
  digest: createHash('sha256').update(name).digest('hex'),
  erofsPath: '/dev/null',
  sizeBytes: 0,
  env: {},
  user: 'root',
  workdir: '/root',
})

/** Every name has an image, or only those given. */
export const createFakeImages = (names?: readonly string[]) => ({
  find: async (name: string): Promise<Image | null> =>
    names === undefined || names.includes(name) ? fakeImage(name) : null,
})

// The fake driver as a subject of the conformance and benchmark suites: its workload is the stand-in guest.

import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Subject, Workload } from '@pandastack/driver/conformance/subject.ts'
import type { MachineHandle, Place } from '@pandastack/driver/values.ts'
import { createFakeDriver, type FakeOptions } from './index.ts'
import { createFakeNetwork, createFakeStorage, fakeImage } from './places.ts'

const firstUid = 1_000_000

const file = (path: string): string => `/v1/files?path=${encodeURIComponent(path)}`

const talk = ({ place: { nic } }: MachineHandle): Workload => {
  const call = async (method: string, route: string, body?: string): Promise<string> => {
    const url = `http://${nic.hostAddress}:${nic.guestPort}${route}`
    const reply = await fetch(url, {
      method,
      ...(body !== undefined && { body }),
      headers: { connection: 'close' },
    })
    const text = await reply.text()
    if (!reply.ok) throw new Error(`${reply.status} ${text}`)
    return text
  }
  return {
    count: async () => (JSON.parse(await call('POST', '/fake/count')) as { count: number }).count,
    write: async (path, text) => void (await call('PUT', file(path), text)),
    read: (path) => call('GET', file(path)),
  }
}

export const fakeSubject = async (options: Omit<FakeOptions, 'installation'> = {}): Promise<Subject> => {
  const dir = await mkdtemp(path.join(tmpdir(), 'fake-driver-'))
  const network = createFakeNetwork()
  const storage = await createFakeStorage(dir)
  let driver = createFakeDriver({ ...options, installation: dir })
  return {
    driver,
    restarted: async () => {
      await driver[Symbol.asyncDispose]()
      driver = createFakeDriver({ ...options, installation: dir })
      return driver
    },
    image: fakeImage('base'),
    limits: { cpu: 1, memoryMb: 128, diskMb: 128, pids: 128 },
    makePlace: async (): Promise<Place> => {
      const machineId = randomUUID()
      const nic = await network.acquire()
      const dir = await storage.createPlace(machineId)
      return { machineId, dir, nic, uidBase: firstUid, cgroupProcsFiles: [] }
    },
    removePlace: async (place) => {
      await storage.removePlace(place.machineId)
      await network.release(place.nic)
    },
    makeDir: () => mkdtemp(path.join(dir, 'snapshot-')),
    talk,
    [Symbol.asyncDispose]: async () => {
      await driver[Symbol.asyncDispose]()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

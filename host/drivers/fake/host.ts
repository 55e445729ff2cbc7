// Everything a host agent is given, without root and without anything built: for tests of the layers above. The agent
// itself is real. Disposing it leaves the machines running, as the end of an agent does; a second one over the same
// directory finds them.

import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { createFakeExits } from './exits.ts'
import { createFakeDriver, type FakeOptions } from './index.ts'
import {
  createFakeCgroups,
  createFakeImages,
  createFakeNetwork,
  createFakeStorage,
  createFakeSums,
} from './places.ts'
import { startFakeRelay } from './relay.ts'

const probeDeadlineMs = 20_000

export interface FakeHostOptions extends Omit<FakeOptions, 'installation'> {
  /** State of the host; the relay listens at `relay.sock` in it. */
  dir: string
  /** Templates whose image is built; absent: all. */
  images?: readonly string[]
}

export const startFakeHost = async ({ dir, images, ...options }: FakeHostOptions) => {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const driver = createFakeDriver({ ...options, installation: dir })
  const relay = await startFakeRelay(path.join(dir, 'relay.sock'))
  const exits = createFakeExits()
  return {
    driver,
    probe: await driver.probe(AbortSignal.timeout(probeDeadlineMs)),
    network: createFakeNetwork(),
    cgroups: createFakeCgroups(),
    storage: await createFakeStorage(dir),
    sums: createFakeSums(),
    images: createFakeImages(images),
    relay,
    exits,
    [Symbol.asyncDispose]: async (): Promise<void> => {
      await relay[Symbol.asyncDispose]()
      await exits[Symbol.asyncDispose]()
      await driver[Symbol.asyncDispose]()
    },
  }
}

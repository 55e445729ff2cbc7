// Where a test installation lives: a home of its own inside the data volume of the operator's, so that nothing new has
// to be built or mounted, and names and addresses that nobody else on this machine has. The number of its network is
// held by a socket in the abstract namespace, which the kernel takes back however this process ends.

import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readFile, readdir, realpath, stat, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { identity, isAlive, type ProcessIdentity } from '@pandastack/kit/process/identity.ts'
import { clear } from './leftovers.ts'

export interface Place {
  home: string
  prefix: string
  networkIndex: number
}

interface Owned extends Place {
  owner: ProcessIdentity
}

const baseHome = (): string => process.env['PANDASTACK_BASE_HOME'] || '/var/lib/pandastack'

const programs = ['runsc', 'launcher', 'relay', 'sums', 'watch'] as const
const ownerFile = 'owner.json'
/** The lower numbers are for operators. */
const networkIndexes = [15, 14, 13, 12, 11, 10, 9, 8]

/** Why no installation can be started here, in words; null when one can. */
export const whyNot = async (): Promise<string | null> => {
  if (process.getuid?.() !== 0) return 'needs root'
  const base = baseHome()
  for (const name of programs) {
    if (!(await exists(join(base, 'bin', name)))) return `${base} has no ${name}: run ./pandastack up once`
  }
  if (!(await exists(join(base, 'data/images/base/current.json'))))
    return `${base} has no image "base": run ./pandastack up once`
  return null
}

/** A fresh place; what killed runs have left is cleared first. */
export const takePlace = async (): Promise<Place & AsyncDisposable> => {
  const data = await realpath(join(baseHome(), 'data'))
  const tests = join(data, 'tests')
  await mkdir(tests, { recursive: true, mode: 0o711 })
  await clearAbandoned(tests)
  const id = randomBytes(2).toString('hex')
  const claim = await claimNetwork()
  const place: Place = { home: join(tests, id), prefix: `t${id}`, networkIndex: claim.index }
  await mkdir(join(place.home, 'data'), { recursive: true, mode: 0o711 })
  await chmod(place.home, 0o755)
  const owned: Owned = { ...place, owner: identity(process.pid) as ProcessIdentity }
  await writeFile(join(place.home, ownerFile), JSON.stringify(owned))
  await symlink(await realpath(join(baseHome(), 'bin')), join(place.home, 'bin'))
  await symlink(join(data, 'images'), join(place.home, 'data/images'))
  return { ...place, [Symbol.asyncDispose]: () => claim[Symbol.asyncDispose]() }
}

const clearAbandoned = async (tests: string): Promise<void> => {
  for (const name of await readdir(tests)) {
    const text = await readFile(join(tests, name, ownerFile), 'utf8').catch(() => null)
    if (text === null) continue
    const owned = JSON.parse(text) as Owned
    if (isAlive(owned.owner)) continue
    const cleared = await clear(owned)
    console.warn(`a killed test run had left ${cleared.length} things on this machine; they are gone now`)
  }
}

const claimNetwork = async (): Promise<{ index: number } & AsyncDisposable> => {
  for (const index of networkIndexes) {
    const held = await hold(`\0pandastack-test-network-${index}`)
    if (held) return { index, ...held }
  }
  throw new Error('too many test installations run on this machine')
}

const hold = (name: string): Promise<AsyncDisposable | null> =>
  new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(null) : reject(error),
    )
    server.listen(name, () => {
      server.unref()
      resolve({ [Symbol.asyncDispose]: () => new Promise((closed) => server.close(() => closed())) })
    })
  })

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

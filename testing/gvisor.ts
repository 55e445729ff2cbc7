// A gVisor driver to try things on, with network slots of its own. One at a time on a machine: its names are fixed, so
// that a run finds what a killed one has left, and a socket in the abstract namespace says whose turn it is.

import { createServer, type Server } from 'node:net'
import { gvisorSubject, whyNot, type GvisorSubject } from '@pandastack/driver-gvisor/fixtures/subject.ts'
import { createLog } from '@pandastack/kit/log/log.ts'
import { createNetwork } from '@pandastack/network/network.ts'

const prefix = 'gvtest'
/** Between those of operators and those of whole test installations. */
const networkIndex = 7

const home = (): string =>
  process.env['PANDASTACK_BASE_HOME'] || process.env['PANDASTACK_HOME'] || '/var/lib/pandastack'

export const whyNoGvisor = (): Promise<string | null> => whyNot(home())

const takeTurn = (): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', (cause) =>
      reject(new Error('another run tests the gVisor driver on this machine', { cause })),
    )
    server.listen(`\0pandastack-test-network-${networkIndex}`, () => resolve(server))
  })

export const testGvisor = async (): Promise<GvisorSubject> => {
  await using parts = new AsyncDisposableStack()
  const turn = await takeTurn()
  parts.defer(() => void turn.close())
  const log = createLog({ name: prefix, level: 'warn' })
  const network = await createNetwork({ prefix, index: networkIndex, shelfSize: 2, slotsMax: 64, log })
  parts.defer(() => network.close({ keep: [] }))
  const subject = parts.use(await gvisorSubject({ home: home(), prefix, slots: network }))
  // What a killed run has left is not in its namespaces any more.
  await network.adopt([])
  const all = parts.move()
  return { ...subject, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

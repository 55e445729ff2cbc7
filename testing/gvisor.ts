// A gVisor driver to try things on, with network slots of its own.

import { gvisorSubject, whyNot, type GvisorSubject } from '@pandastack/driver-gvisor/fixtures/subject.ts'
import { networkIndex, prefix, takeTurn } from '@pandastack/driver-gvisor/fixtures/turn.ts'
import { createLog } from '@pandastack/kit/log/log.ts'
import { createNetwork } from '@pandastack/network/network.ts'

const home = (): string =>
  process.env['PANDASTACK_BASE_HOME'] || process.env['PANDASTACK_HOME'] || '/var/lib/pandastack'

export const whyNoGvisor = (): Promise<string | null> => whyNot(home())

export const testGvisor = async (): Promise<GvisorSubject> => {
  await using parts = new AsyncDisposableStack()
  parts.use(await takeTurn())
  const log = createLog({ name: prefix, level: 'warn' })
  const network = await createNetwork({ prefix, index: networkIndex, shelfSize: 2, slotsMax: 64, log })
  parts.defer(() => network.close({ keep: [] }))
  const subject = parts.use(await gvisorSubject({ home: home(), prefix, slots: network }))
  // What a killed run has left is not in its namespaces any more.
  await network.adopt([])
  const all = parts.move()
  return { ...subject, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

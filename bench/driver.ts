// The bare driver: how long each of its steps takes, one after the other, without agent, API or guest agent. Uses a tiny
// image of its own. Needs root, go, mkfs.erofs, and the programs of an installation, which may be running.
//
//   [PANDASTACK_HOME=…] node bench/driver.ts [rounds=50]

import { benchmark } from '@pandastack/driver/benchmark/benchmark.ts'
import { printable } from '@pandastack/driver/benchmark/figures.ts'
import { gvisorSubject, whyNot } from '@pandastack/driver-gvisor/fixtures/subject.ts'
import { networkIndex, prefix, takeTurn } from '@pandastack/driver-gvisor/fixtures/turn.ts'
import { createLog } from '@pandastack/kit/log/log.ts'
import { createNetwork } from '@pandastack/network/network.ts'

const home = process.env['PANDASTACK_HOME'] ?? '/var/lib/pandastack'
const rounds = Number(process.argv[2] ?? 50)

const reason = await whyNot(home)
if (reason !== null) throw new Error(`the driver cannot be measured here: ${reason}`)

const log = createLog({ name: prefix, level: 'warn' })
await using parts = new AsyncDisposableStack()
parts.use(await takeTurn())
const network = await createNetwork({ prefix, index: networkIndex, shelfSize: 4, slotsMax: 64, log })
parts.defer(() => network.close({ keep: [] }))
const subject = parts.use(await gvisorSubject({ home, prefix, slots: network }))
await network.adopt([])
console.log(printable(await benchmark(subject, { rounds })))

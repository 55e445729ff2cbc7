// One question of one guest, from bytes to bytes. Never throws and never waits longer than the name servers are given; undefined means
// silence, for junk and for those who ask too much.

import type { Clock } from '@pandastack/kit/clock/clock.ts'
import { createBudget, type BudgetLimits } from './budget.ts'
import { composeEmpty, composeRefusal, fitForUdp } from './compose.ts'
import { askUpstream, type Transport, type Upstream } from './upstream.ts'
import { answerOurselves, judge } from './verdict.ts'
import { parseQuery, rcodes, type Question } from './wire.ts'

export interface HandlerOptions {
  upstreams: () => readonly Upstream[]
  limits?: Partial<BudgetLimits>
  /** For each name server. */
  timeoutMs?: number
  clock: Clock
}

export interface Handler {
  answer(
    client: number,
    message: Buffer,
    transport: Transport,
    signal: AbortSignal,
  ): Promise<Buffer | undefined>
  readonly underWay: number
}

/** A query holds one name and some options. */
export const queryBytesMax = 512
const defaultLimits: BudgetLimits = { perSecond: 200, burst: 400, underWayPerClient: 64, underWay: 2048 }

export const createHandler = (options: HandlerOptions): Handler => {
  const { timeoutMs = 2000 } = options
  const budget = createBudget({ ...defaultLimits, ...options.limits }, options.clock)

  const resolve = async (question: Question, transport: Transport, signal: AbortSignal): Promise<Buffer> => {
    const ours = answerOurselves(question)
    if (ours) return ours
    try {
      const answers = await askUpstream(question, {
        transport,
        upstreams: options.upstreams(),
        timeoutMs,
        signal,
      })
      return judge(question, answers)
    } catch {
      // Which of its name servers this host cannot reach is not for guests to know.
      return composeEmpty(question, rcodes.SERVFAIL)
    }
  }
  return {
    async answer(client, message, transport, signal) {
      if (message.length > queryBytesMax) return undefined
      const question = parseQuery(message)
      if (!question || !budget.start(client)) return undefined
      try {
        if ('rcode' in question) return composeRefusal(question)
        const reply = await resolve(question, transport, signal)
        return transport === 'udp' ? fitForUdp(question, reply) : reply
      } finally {
        budget.done(client)
      }
    },
    get underWay() {
      return budget.underWay
    },
  }
}

import { decode, encode, type Answer, type RecordType } from 'dns-packet'
import { describe, expect, test } from 'vitest'
import { createBudget } from './budget.ts'
import { parseResolvConf } from './resolv-conf.ts'
import { answerOurselves, judge } from './verdict.ts'
import { parseQuery, parseReply, type Question } from './wire.ts'

const ask = (name: string, type: RecordType): Question => {
  const parsed = parseQuery(encode({ type: 'query', id: 7, flags: 0x0100, questions: [{ name, type }] }))
  if (!parsed || 'rcode' in parsed) throw new Error('refused')
  return parsed
}
const ownRcode = (name: string, type: RecordType = 'PTR'): number | undefined => {
  const reply = answerOurselves(ask(name, type))
  return reply && reply.readUInt16BE(2) & 15
}

/** What a guest gets when upstream answers so. */
const verdict = (type: RecordType, answers: Answer[], rcode = 0) => {
  const question = ask('x.test', type)
  const bytes = encode({
    type: 'response',
    id: 1,
    flags: rcode,
    questions: [{ name: 'x.test', type }],
    answers,
  })
  const taken = parseReply(bytes, 1, question)
  if (!taken) throw new Error('not taken')
  const reply = decode(judge(question, taken))
  return [(reply.flags ?? 0) & 15, (reply.answers ?? []).map((answer) => 'data' in answer && answer.data)]
}
const a = (data: string): Answer => ({ type: 'A', name: 'x.test', ttl: 60, data })
const aaaa = (data: string): Answer => ({ type: 'AAAA', name: 'x.test', ttl: 60, data })
const cname: Answer = { type: 'CNAME', name: 'x.test', ttl: 60, data: 'y.test' }

describe('answers', () => {
  test('public addresses pass', () => {
    expect(verdict('A', [cname, a('203.0.113.80')])).toEqual([0, ['y.test', '203.0.113.80']])
  })
  test.each(['10.1.2.3', '127.0.0.1', '169.254.169.254', '0.0.0.0', '192.168.0.1'])(
    'with %s among public ones make the name not exist',
    (address) => expect(verdict('A', [a('198.51.100.7'), a(address)])).toEqual([3, []]),
  )
  test.each(['::1', '::ffff:10.1.2.3', 'fd00::1', 'fe80::1', '64:ff9b::a9fe:a9fe', '2002:a01:203::1'])(
    'with %s make the name not exist',
    (address) => expect(verdict('AAAA', [aaaa(address)])).toEqual([3, []]),
  )
  test('of IPv6 are emptied, because guests have none', () => {
    expect(verdict('AAAA', [aaaa('2600::1')])).toEqual([0, []])
    expect(verdict('AAAA', [], 3)).toEqual([3, []])
  })
  test('of other types pass', () => {
    expect(
      verdict('MX', [{ type: 'MX', name: 'x.test', data: { preference: 1, exchange: 'm.test' } }]),
    ).toEqual([0, [{ preference: 1, exchange: 'm.test' }]])
  })
})

describe('questions that nobody is asked', () => {
  test.each(['1.0.0.10.in-addr.arpa', '10.in-addr.arpa', '168.192.in-addr.arpa', '192.in-addr.arpa'])(
    '%s: who has private addresses is not for guests to know',
    (name) => expect(ownRcode(name)).toBe(3),
  )
  test.each(['1.ip6.arpa', '254.169.254.169.IN-ADDR.ARPA'])('%s neither', (name) =>
    expect(ownRcode(name)).toBe(3),
  )
  test.each([
    '8.8.8.8.in-addr.arpa',
    '100.51.198.in-addr.arpa',
    'example.com',
    'x.10.in-addr.arpa.example.com',
  ])('%s is asked upstream', (name) => expect(ownRcode(name)).toBeUndefined())
  test('service bindings are none', () => {
    const question = { ...ask('example.com', 'A'), type: 65 }
    expect(decode(answerOurselves(question) as Buffer)).toMatchObject({ answers: [] })
  })
})

describe('budget', () => {
  const limits = { perSecond: 10, burst: 3, underWayPerClient: 2, underWay: 3 }
  const setUp = () => {
    let nowMs = 0
    const budget = createBudget(limits, { wallMs: () => nowMs, monotonicMs: () => nowMs })
    return { budget, advance: (ms: number) => void (nowMs += ms) }
  }

  test('a client that has spent its burst waits for time to pass', () => {
    const { budget, advance } = setUp()
    for (let count = 0; count < 3; count++) {
      expect(budget.start(1)).toBe(true)
      budget.done(1)
    }
    expect(budget.start(1)).toBe(false)
    advance(100)
    expect(budget.start(1)).toBe(true)
    expect(budget.start(1)).toBe(false)
  })

  test('one client does not spend another’s', () => {
    const { budget } = setUp()
    expect([budget.start(1), budget.start(1), budget.start(1)]).toEqual([true, true, false])
    expect(budget.start(2)).toBe(true)
    expect(budget.start(3)).toBe(false)
    budget.done(1)
    expect(budget.start(3)).toBe(true)
    expect(budget.underWay).toBe(3)
  })
})

describe('name servers of the host', () => {
  test('are the first three addresses that are not ours', () => {
    const text = `# nameserver 9.9.9.9
search example.com
nameserver 10.200.0.1
 nameserver\t10.255.255.53
nameserver not-an-address
nameserver fe80::1%eth0
nameserver 2600::1 # trailing
nameserver 1.1.1.1`
    expect(parseResolvConf(text, '10.200.0.1').map(({ address }) => address)).toEqual([
      '10.255.255.53',
      'fe80::1%eth0',
      '2600::1',
    ])
  })
})

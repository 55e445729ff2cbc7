// An independent implementation of the protocol writes what we read and reads what we write.

import { decode, encode, type Answer, type Packet, type RecordType } from 'dns-packet'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { composeAnswers, composeEmpty, composeQuery, composeRefusal, fitForUdp } from './compose.ts'
import { frameOf, frames } from './frames.ts'
import { parseQuery, parseReply, rcodes, type Question } from './wire.ts'

const query = (name: string, type: RecordType, more: Partial<Packet> = {}): Buffer =>
  encode({ type: 'query', id: 7, flags: 0x0100, questions: [{ name, type }], ...more })
const opt = (udpPayloadSize: number): Answer =>
  ({ type: 'OPT', name: '.', udpPayloadSize, flags: 0, options: [] }) as unknown as Answer
const questionOf = (message: Buffer): Question => {
  const parsed = parseQuery(message)
  if (!parsed || 'rcode' in parsed) throw new Error('refused')
  return parsed
}
const reply = (id: number, name: string, answers: Answer[], more: Partial<Packet> = {}): Buffer =>
  encode({ type: 'response', id, flags: 0x0180, questions: [{ name, type: 'A' }], answers, ...more })
const a = (name: string, data: string): Answer => ({ type: 'A', name, ttl: 60, data })

const rcodeOf = (message: Buffer): number | undefined => {
  const parsed = parseQuery(message)
  return parsed && 'rcode' in parsed ? parsed.rcode : undefined
}

/** Messages with some bytes changed, cut off and added. */
const mutated = (from: Buffer[]) =>
  fc
    .tuple(
      fc.constantFrom(...from),
      fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 8 }),
      fc.nat(200),
      fc.uint8Array({ maxLength: 40 }),
    )
    .map(([message, changes, keep, tail]) => {
      const bytes = Buffer.concat([message.subarray(0, message.length - (keep % 30)), tail])
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
      return bytes
    })

describe('queries', () => {
  test('are understood, with and without options', () => {
    expect(questionOf(query('Www.Example.com', 'A'))).toMatchObject({
      id: 7,
      type: 1,
      name: 'www.example.com',
      udpBytes: undefined,
    })
    const withOptions = query('example.com', 'AAAA', { additionals: [opt(4096)] as never })
    expect(questionOf(withOptions)).toMatchObject({ type: 28, udpBytes: 4096, dnssec: false })
  })

  test('are asked upstream as they were, case and all, under another id', () => {
    const question = questionOf(query('wWw.eXample.com', 'TXT'))
    expect(decode(composeQuery(4242, question))).toMatchObject({
      id: 4242,
      type: 'query',
      questions: [{ name: 'wWw.eXample.com', type: 'TXT', class: 'IN' }],
    })
  })

  const twoQuestions = encode({
    type: 'query',
    questions: [
      { name: 'a.test', type: 'A' },
      { name: 'b.test', type: 'A' },
    ],
  })
  const withPointer = Buffer.concat([
    query('a.test', 'A').subarray(0, 12),
    Buffer.from([0xc0, 12, 0, 1, 0, 1]),
  ])
  const longName = Buffer.concat([
    query('a.test', 'A').subarray(0, 12),
    ...Array.from({ length: 5 }, () => Buffer.from([63, ...Buffer.alloc(63, 'x')])),
    Buffer.from([0, 0, 1, 0, 1]),
  ])
  test.each([
    ['a transfer of a zone', query('example.com', 'AXFR'), rcodes.NOTIMP],
    [
      'another class',
      encode({ type: 'query', questions: [{ name: 'x', type: 'TXT', class: 'CH' }] }),
      rcodes.NOTIMP,
    ],
    [
      'an update',
      encode({ type: 'query', flags: 5 << 11, questions: [{ name: 'x', type: 'A' }] }),
      rcodes.NOTIMP,
    ],
    ['two questions', twoQuestions, rcodes.FORMERR],
    ['no question', encode({ type: 'query' }), rcodes.FORMERR],
    ['answers in a question', query('x', 'A', { answers: [a('x', '1.1.1.1')] }), rcodes.FORMERR],
    ['a record that is no option', query('x', 'A', { additionals: [a('x', '1.1.1.1')] }), rcodes.FORMERR],
    ['a pointer in a question', withPointer, rcodes.FORMERR],
    ['a name of 320 bytes', longName, rcodes.FORMERR],
    ['bytes after the end', Buffer.concat([query('x', 'A'), Buffer.from('x')]), rcodes.FORMERR],
    ['half a question', query('example.com', 'A').subarray(0, 20), rcodes.FORMERR],
  ])('with %s are refused', (_, message, rcode) => expect(rcodeOf(message)).toBe(rcode))

  test('that are answers, or too short to have an id, are met with silence', () => {
    expect(parseQuery(reply(1, 'x', []))).toBeUndefined()
    expect(parseQuery(Buffer.alloc(11))).toBeUndefined()
  })
})

describe('replies from upstream', () => {
  const question = questionOf(query('example.com', 'A'))

  test('are taken with their addresses, and passed on without their other sections', () => {
    const answers: Answer[] = [
      { type: 'CNAME', name: 'example.com', ttl: 60, data: 'other.example.com' },
      a('other.example.com', '192.0.2.7'),
    ]
    const authorities: Answer[] = [{ type: 'NS', name: 'example.com', ttl: 60, data: 'ns.example.com' }]
    const message = reply(9, 'example.com', answers, {
      authorities,
      additionals: [a('ns.example.com', '10.0.0.1')],
    })
    const taken = parseReply(message, 9, question)
    expect(taken).toMatchObject({
      rcode: 0,
      count: 2,
      addresses: [{ type: 'A', bytes: Buffer.from([192, 0, 2, 7]) }],
    })
    const passed = decode(composeAnswers(question, taken as never))
    expect(passed).toMatchObject({ id: 7, type: 'response', authorities: [], additionals: [] })
    expect(passed.answers?.map((answer) => 'data' in answer && answer.data)).toEqual([
      'other.example.com',
      '192.0.2.7',
    ])
  })

  test('that carry another id, another question or no answer flag are not taken', () => {
    const good = reply(9, 'example.com', [a('example.com', '192.0.2.7')])
    expect(parseReply(good, 9, question)).toBeDefined()
    expect(parseReply(reply(9, 'EXAMPLE.com', []), 9, question)).toBeDefined()
    expect(parseReply(good, 8, question)).toBeUndefined()
    expect(parseReply(reply(9, 'example.org', []), 9, question)).toBeUndefined()
    expect(parseReply(query('example.com', 'A', { id: 9 }), 9, question)).toBeUndefined()
  })

  test('that are cut short, have bytes after the end, or an address of five bytes are not taken', () => {
    const good = reply(9, 'example.com', [a('example.com', '192.0.2.7')])
    for (let length = 0; length < good.length; length++)
      expect(parseReply(good.subarray(0, length), 9, question)).toBeUndefined()
    expect(parseReply(Buffer.concat([good, Buffer.from([0])]), 9, question)).toBeUndefined()
    const long = Buffer.concat([good, Buffer.from([0])])
    long.writeUInt16BE(5, good.length - 6)
    expect(parseReply(long, 9, question)).toBeUndefined()
  })
})

describe('junk', () => {
  const seeds = [query('example.com', 'A'), query('a.b.c.d', 'TXT', { additionals: [opt(512)] as never })]
  const question = questionOf(query('example.com', 'A'))
  const goodReply = reply(9, 'example.com', [a('example.com', '192.0.2.7')])
  const anything = fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes))

  test('never throws, and what is taken for a query is one for others too', () => {
    fc.assert(
      fc.property(fc.oneof(anything, mutated(seeds)), (message) => {
        const parsed = parseQuery(message)
        if (!parsed) return
        if ('rcode' in parsed) return void decode(composeRefusal(parsed))
        expect(decode(composeQuery(1, parsed)).questions).toHaveLength(1)
        expect(decode(composeEmpty(parsed, rcodes.NXDOMAIN)).answers).toHaveLength(0)
      }),
      { numRuns: 5000 },
    )
  })

  test('from upstream never throws, and what is taken is no longer than it was', () => {
    fc.assert(
      fc.property(fc.oneof(anything, mutated([goodReply])), (message) => {
        const taken = parseReply(message, 9, question)
        if (taken) expect(composeAnswers(question, taken).length).toBeLessThanOrEqual(message.length)
      }),
      { numRuns: 5000 },
    )
  })
})

describe('transport', () => {
  test('a reply that does not fit into a datagram becomes an invitation to TCP', () => {
    const question = questionOf(query('example.com', 'A'))
    const long = Buffer.alloc(513)
    expect(decode(fitForUdp(question, long))).toMatchObject({ flag_tc: true, answers: [] })
    expect(fitForUdp({ ...question, udpBytes: 1000 }, long)).toBe(long)
    expect(fitForUdp({ ...question, udpBytes: 65_535 }, Buffer.alloc(1233)).length).toBeLessThan(100)
    expect(fitForUdp({ ...question, udpBytes: 0 }, Buffer.alloc(512))).toHaveLength(512)
  })

  test('messages come out of a stream as they went in, however it is cut', () => {
    const messages = fc.array(fc.uint8Array({ minLength: 0, maxLength: 300 }), { maxLength: 5 })
    fc.assert(
      fc.property(messages, fc.integer({ min: 1, max: 50 }), (sent, size) => {
        const stream = Buffer.concat(sent.map((message) => frameOf(Buffer.from(message))))
        const parse = frames(512)
        const received: Buffer[] = []
        for (let at = 0; at < stream.length; at += size)
          received.push(
            ...(parse(stream.subarray(at, at + size)) ?? []).map((message) => Buffer.from(message)),
          )
        expect(received.map((message) => [...message])).toEqual(sent.map((message) => [...message]))
      }),
    )
  })

  test('a stream that announces too much is broken for good', () => {
    const parse = frames(512)
    expect(parse(Buffer.from([0xff, 0xff]))).toBeUndefined()
    expect(parse(frameOf(Buffer.from('x')))).toBeUndefined()
  })
})

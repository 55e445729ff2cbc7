import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { encodeMessage, MessageParser, messageMaxBytes } from './messages.ts'

const mark = '11111111-2222-4333-8444-555555555555'

const fed = (bytes: Buffer, size: number): unknown[] => {
  const parser = new MessageParser(mark)
  const messages: unknown[] = []
  for (let at = 0; at < bytes.length; at += size) {
    for (const one of parser.push(bytes.subarray(at, at + size))) messages.push(JSON.parse(one.toString()))
  }
  return messages
}

describe('messages of a code context', () => {
  test('come out as they went in, however the bytes were cut and whatever came before the first', () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue(), { maxLength: 5 }),
        fc.integer({ min: 1, max: 90 }),
        fc.string({ maxLength: 60 }),
        (values, size, junk) => {
          const bytes = Buffer.concat([
            Buffer.from(junk),
            ...values.map((value) => encodeMessage(mark, value)),
          ])
          expect(fed(bytes, size)).toEqual(
            values.map((value) => JSON.parse(JSON.stringify(value)) as unknown),
          )
        },
      ),
    )
  })

  test('are measured in bytes and not in characters', () => {
    expect(fed(encodeMessage(mark, { code: 'é✓😀' }), 7)).toEqual([{ code: 'é✓😀' }])
  })

  test('that claim to be huge are skipped, and the next one is found', () => {
    const huge = encodeMessage(mark, 1)
    huge.writeUInt32BE(messageMaxBytes + 1, mark.length)
    expect(fed(Buffer.concat([huge, encodeMessage(mark, 2), encodeMessage(mark, 3)]), 1000)).toEqual([2, 3])
  })

  test('of junk hold no memory', () => {
    const parser = new MessageParser(mark)
    const junk = Buffer.alloc(1024 * 1024, 'x')
    for (let i = 0; i < 64; i += 1) expect(parser.push(junk)).toEqual([])
    expect(parser.heldBytes).toBeLessThan(mark.length + 4)
  })
})

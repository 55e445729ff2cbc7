import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { asciiJson, sseEvent } from './sse.ts'

/** Grapheme by grapheme and binary: whatever a command may print. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('\u0085', '\u2028\u2029', '\r\n', '\ud800', '\ufeff', '\u007f'),
)

describe('a server-sent event', () => {
  test('is printable ASCII and line feeds, and means what went in', () => {
    fc.assert(
      fc.property(anyText, (chunk) => {
        const text = sseEvent('stdout', { chunk })
        // oxlint-disable-next-line no-control-regex -- the very thing to be proved
        expect(text).toMatch(/^[\x20-\x7e\n]*$/)
        expect(text.startsWith('event: stdout\ndata: {')).toBe(true)
        expect(text.endsWith('}\n\n')).toBe(true)
        expect(text.split('\n')).toHaveLength(4)
        expect(JSON.parse(text.split('\n')[1]?.slice('data: '.length) ?? '')).toEqual({ chunk })
      }),
    )
  })

  test('writes a character beyond the basic plane as two escapes', () => {
    expect(asciiJson({ a: '😀é' })).toBe('{"a":"\\ud83d\\ude00\\u00e9"}')
  })
})

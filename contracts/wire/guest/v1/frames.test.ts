import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import {
  encodeFrame,
  FrameParser,
  framePayloadMaxBytes,
  frameType,
  readFrames,
  WireViolation,
} from './frames.ts'
import type { Frame, FrameType } from './frames.ts'

const frame = fc.record({
  // No exit frame: nothing may follow one.
  type: fc.constantFrom<FrameType>(1, 2, 3, 4, 6, 7),
  seq: fc.nat(),
  payload: fc.uint8Array({ maxLength: 300 }),
})

const cut = (bytes: Uint8Array, sizes: number[]): Uint8Array[] => {
  const chunks: Uint8Array[] = []
  let at = 0
  for (let i = 0; at < bytes.length; i += 1) {
    const size = sizes[i % sizes.length] ?? 1
    chunks.push(bytes.subarray(at, at + size))
    at += size
  }
  return chunks
}

const plain = (frames: Frame[]) => frames.map((one) => ({ ...one, payload: [...one.payload] }))

describe('frames of the guest wire', () => {
  test('come out as they went in, however the bytes were cut', () => {
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 20 }),
        fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1, maxLength: 8 }),
        (frames, sizes) => {
          const bytes = Buffer.concat(frames.map((one) => encodeFrame(one.type, one.seq, one.payload)))
          const parser = new FrameParser()
          const parsed = cut(bytes, sizes).flatMap((chunk) => parser.push(chunk))
          expect(plain(parsed)).toEqual(plain(frames))
        },
      ),
    )
  })

  test('that are junk end the stream or give bounded payloads, and never anything else', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { maxLength: 20 }), (chunks) => {
        const parser = new FrameParser()
        try {
          for (const chunk of chunks) {
            for (const one of parser.push(chunk))
              expect(one.payload.length).toBeLessThanOrEqual(framePayloadMaxBytes)
          }
        } catch (error) {
          expect(error).toBeInstanceOf(WireViolation)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('with a huge length are refused at the head, before the payload has come', () => {
    const head = encodeFrame(frameType.stdout, 1, new Uint8Array(0))
    new DataView(head.buffer).setUint32(9, 0xffff_ffff)
    expect(() => new FrameParser().push(head)).toThrow(WireViolation)
  })

  test('with a sequence number beyond what a number holds are refused', () => {
    const head = encodeFrame(frameType.stdout, 1, new Uint8Array(0))
    new DataView(head.buffer).setBigUint64(1, 2n ** 60n)
    expect(() => new FrameParser().push(head)).toThrow(WireViolation)
  })

  test('after the exit frame are refused', () => {
    const exit = encodeFrame(frameType.exit, 1, Buffer.from('{}'))
    expect(() => new FrameParser().push(Buffer.concat([exit, exit]))).toThrow(WireViolation)
  })

  test('that violate the wire close the source they were read from', async () => {
    let closed = false
    async function* source() {
      try {
        yield Buffer.from('this is no frame at all')
        yield Buffer.from('never asked for')
      } finally {
        closed = true
      }
    }
    const read = async () => {
      for await (const one of readFrames(source())) expect(one).toBeUndefined()
    }
    await expect(read()).rejects.toThrow(WireViolation)
    expect(closed).toBe(true)
  })
})

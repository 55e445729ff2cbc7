import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { frameType } from '@pandastack/contracts/wire/guest/v1/frames.ts'
import type { Frame, FrameType } from '@pandastack/contracts/wire/guest/v1/frames.ts'
import { outputs } from './outputs.ts'
import type { Output } from './outputs.ts'

const frame = (type: FrameType, payload: Uint8Array | string): Frame => ({
  type,
  seq: 0,
  payload: Buffer.from(payload),
})
const exit = frame(frameType.exit, '{"exit_code":7}')

async function* given(frames: Frame[]) {
  yield* frames
}

const read = async (frames: Frame[]): Promise<Output[]> => {
  const all: Output[] = []
  for await (const one of outputs(given(frames))) all.push(one)
  return all
}

const textOf = (all: Output[], stream: 'stdout' | 'stderr'): string =>
  all.map((one) => ('text' in one && one.stream === stream ? one.text : '')).join('')

describe('the output of a command', () => {
  test('is the same text however its bytes were cut, and no piece ends inside a character', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary', maxLength: 30 }),
        fc.integer({ min: 1, max: 5 }),
        async (text, size) => {
          const whole = text.toWellFormed()
          const bytes = Buffer.from(whole, 'utf8')
          const frames: Frame[] = []
          for (let at = 0; at < bytes.length; at += size) {
            frames.push(frame(frameType.stdout, bytes.subarray(at, at + size)))
            frames.push(frame(frameType.stderr, 'x'))
          }
          const all = await read([...frames, exit])
          expect(textOf(all, 'stdout')).toBe(whole)
          for (const one of all) if ('text' in one) expect(one.text.isWellFormed()).toBe(true)
        },
      ),
    )
  })

  test('shows bytes that are no text as such, at the latest when the command has ended', async () => {
    const all = await read([frame(frameType.stdout, Uint8Array.of(0x61, 0xff, 0xe2, 0x82)), exit])
    expect(textOf(all, 'stdout')).toBe('a\ufffd\ufffd')
    expect(all.at(-1)).toEqual({ exit: { exit_code: 7 } })
  })

  test('that ends without an exit is a failure and not a success', async () => {
    await expect(read([frame(frameType.stdout, 'a')])).rejects.toMatchObject({ code: 'upstream' })
  })

  test('with an exit that is not of the wire is a failure', async () => {
    await expect(read([frame(frameType.exit, '{"exit_code":"0"}')])).rejects.toMatchObject({
      code: 'upstream',
    })
    await expect(read([frame(frameType.exit, 'junk')])).rejects.toMatchObject({ code: 'upstream' })
  })
})

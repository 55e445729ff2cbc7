// A streamed command as text: frames in, pieces of text and one ending out. No piece ends inside a character.

import { StringDecoder } from 'node:string_decoder'
import type { z } from 'zod'
import { PandaError } from '@pandastack/contracts/errors.ts'
import { exited } from '@pandastack/contracts/wire/guest/v1/calls.ts'
import type { ExecRequest, Exited } from '@pandastack/contracts/wire/guest/v1/calls.ts'
import { frameType, readFrames } from '@pandastack/contracts/wire/guest/v1/frames.ts'
import type { Frame } from '@pandastack/contracts/wire/guest/v1/frames.ts'
import type { OpenSandbox } from '@pandastack/core/core.ts'
import { callGuest, json } from '../guest/call.ts'
import { forCaller } from '../guest/faults.ts'

/** The agent shows life every 10 s; a paused sandbox is silent for as long as it is paused. */
const streamSilenceMs = 1_800_000

export type Output = { stream: 'stdout' | 'stderr'; text: string } | { exit: Exited }

/** Frames of a new command. Aborting the signal ends it, together with its process group. */
export const startExec = async (
  sandbox: OpenSandbox,
  request: ExecRequest,
  signal: AbortSignal,
): Promise<AsyncGenerator<Frame>> => {
  const reply = await callGuest(sandbox, {
    method: 'POST',
    path: '/v1/exec',
    ...json(request),
    signal,
    silenceMs: streamSilenceMs,
  })
  return readFrames(reply.body)
}

/** Ends after the exit; throws when the frames end without one. */
export async function* outputs(frames: AsyncIterable<Frame>): AsyncGenerator<Output> {
  const decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') }
  try {
    for await (const frame of frames) {
      const stream = streamOf(frame)
      if (stream) {
        const text = decoders[stream].write(frame.payload as Buffer)
        if (text !== '') yield { stream, text }
      }
      if (frame.type !== frameType.exit) continue
      for (const name of ['stdout', 'stderr'] as const) {
        const text = decoders[name].end()
        if (text !== '') yield { stream: name, text }
      }
      yield { exit: parsed(exited, frame.payload) }
      return
    }
  } catch (error) {
    throw forCaller(error)
  }
  throw new PandaError('upstream', 'the sandbox ended the stream before the command had ended')
}

export const parsed = <Schema extends z.ZodType>(schema: Schema, payload: Uint8Array): z.infer<Schema> =>
  schema.parse(JSON.parse(Buffer.from(payload).toString('utf8')))

const streamOf = (frame: Frame): 'stdout' | 'stderr' | null => {
  if (frame.type === frameType.stdout) return 'stdout'
  return frame.type === frameType.stderr ? 'stderr' : null
}

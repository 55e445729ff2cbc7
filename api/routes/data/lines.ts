// Lines of a stream, one at a time, none longer than the limit; empty ones are skipped.

import { PandaError } from '@pandastack/contracts/errors.ts'

const lineMaxBytes = 4 * 1024 * 1024

export async function* readLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const parts: Buffer[] = []
  let heldBytes = 0
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    let start = 0
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      parts.push(bytes.subarray(start, end))
      const line = Buffer.concat(parts.splice(0)).toString('utf8')
      heldBytes = 0
      start = end + 1
      if (line !== '') yield line
    }
    parts.push(bytes.subarray(start))
    heldBytes += bytes.length - start
    if (heldBytes > lineMaxBytes) throw new PandaError('upstream', 'the sandbox sent a line without end')
  }
  const rest = Buffer.concat(parts).toString('utf8')
  if (rest !== '') yield rest
}

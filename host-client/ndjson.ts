// Lines of JSON from a stream that may stay open: one value at a time, no line longer than the limit.

const lineMaxBytes = 1024 * 1024

export async function* readNdjson(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<unknown> {
  let held = Buffer.alloc(0)
  for await (const chunk of chunks) {
    held = held.length === 0 ? Buffer.from(chunk) : Buffer.concat([held, chunk])
    let start = 0
    for (let end = held.indexOf(10); end >= 0; end = held.indexOf(10, start)) {
      const line = held.toString('utf8', start, end)
      if (line.trim() !== '') yield JSON.parse(line) as unknown
      start = end + 1
    }
    held = held.subarray(start)
    if (held.length > lineMaxBytes) throw new Error(`a line of more than ${lineMaxBytes} bytes`)
  }
  if (held.toString('utf8').trim() !== '') throw new Error('the stream ended inside a line')
}

// DNS over TCP: each message is preceded by its length in two bytes. Pure, but for the bytes that it waits with.

/** A parser of one direction of one connection: messages as they become whole; undefined once one is too long. */
export const frames = (messageBytesMax: number): ((chunk: Buffer) => Buffer[] | undefined) => {
  let rest: Buffer = Buffer.alloc(0)
  let broken = false
  return (chunk) => {
    if (broken) return undefined
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    const whole: Buffer[] = []
    while (rest.length >= 2) {
      const length = rest.readUInt16BE(0)
      if (length > messageBytesMax) {
        broken = true
        rest = Buffer.alloc(0)
        return undefined
      }
      if (rest.length < 2 + length) break
      whole.push(rest.subarray(2, 2 + length))
      rest = rest.subarray(2 + length)
    }
    return whole
  }
}

export const frameOf = (message: Buffer): Buffer => {
  const framed = Buffer.alloc(2 + message.length)
  framed.writeUInt16BE(message.length)
  message.copy(framed, 2)
  return framed
}

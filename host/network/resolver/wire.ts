// DNS messages as far as a forwarder needs them: the header, one question, and where the answers end. Everything read
// here was written by a guest or by a stranger's name server. No function throws, none reads outside the message, none
// follows a compression pointer (only the question's own name is read, and that may have none), and what is not framed
// exactly is refused, so that the guest's parser cannot see other records than we did. Pure.

export const types = {
  A: 1,
  AAAA: 28,
  SVCB: 64,
  HTTPS: 65,
  IXFR: 251,
  AXFR: 252,
  MAILB: 253,
  MAILA: 254,
  ANY: 255,
}

export const rcodes = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 }

export const flagBits = {
  response: 0x8000,
  truncated: 0x0200,
  desired: 0x0100,
  available: 0x0080,
  unchecked: 0x0010,
}

export const headerBytes = 12
const optType = 41
const classIn = 1
/** More than any honest answer holds. */
const recordsMax = 512
const nameBytesMax = 255

export interface Question {
  id: number
  flags: number
  type: number
  /** Labels in lower case, joined by dots; bytes that are no plain characters as `?`. For rules, never for the wire. */
  name: string
  /** The question as it was asked, name, type and class. */
  bytes: Buffer
  /** What the asker takes over UDP; undefined: it does not speak EDNS. */
  udpBytes: number | undefined
  dnssec: boolean
}

export interface Refusal {
  id: number
  flags: number
  rcode: number
}

export interface Answers {
  rcode: number
  truncated: boolean
  count: number
  /** The answer section as it stands in the message. */
  bytes: Buffer
  addresses: { type: 'A' | 'AAAA'; bytes: Buffer }[]
}

/** Where a name ends; -1 if it does not, or is too long. A pointer ends a name where it stands. */
const endOfName = (message: Buffer, start: number, pointers: boolean): number => {
  for (let at = start; at < message.length && at - start < nameBytesMax;) {
    const length = message[at] ?? 0
    if (length === 0) return at + 1
    if (length >= 0xc0) return pointers && at + 2 <= message.length ? at + 2 : -1
    if (length > 63) return -1
    at += 1 + length
  }
  return -1
}

const nameText = (message: Buffer, start: number, end: number): string => {
  const labels: string[] = []
  for (let at = start; at < end - 1; at += 1 + (message[at] ?? 0)) {
    const label = message.subarray(at + 1, at + 1 + (message[at] ?? 0)).toString('latin1')
    labels.push(label.toLowerCase().replaceAll(/[^a-z0-9_-]/g, '?'))
  }
  return labels.join('.')
}

interface Record {
  type: number
  klass: number
  ttl: number
  data: Buffer
  end: number
}

const recordAt = (message: Buffer, start: number): Record | undefined => {
  const at = endOfName(message, start, true)
  if (at === -1 || at + 10 > message.length) return undefined
  const end = at + 10 + message.readUInt16BE(at + 8)
  if (end > message.length) return undefined
  const data = message.subarray(at + 10, end)
  return {
    type: message.readUInt16BE(at),
    klass: message.readUInt16BE(at + 2),
    ttl: message.readUInt32BE(at + 4),
    data,
    end,
  }
}

const counts = (message: Buffer): [number, number, number, number] => [
  message.readUInt16BE(4),
  message.readUInt16BE(6),
  message.readUInt16BE(8),
  message.readUInt16BE(10),
]

const refusedTypes = new Set([types.IXFR, types.AXFR, types.MAILB, types.MAILA, types.ANY])

/** A guest's query. Undefined: not even worth a refusal (too short to have an id, or an answer itself). */
export const parseQuery = (message: Buffer): Question | Refusal | undefined => {
  if (message.length < headerBytes) return undefined
  const id = message.readUInt16BE(0)
  const flags = message.readUInt16BE(2)
  if (flags & flagBits.response) return undefined
  const refuse = (rcode: number): Refusal => ({ id, flags, rcode })
  if ((flags >> 11) & 15) return refuse(rcodes.NOTIMP)
  const [questions, answers, authorities, additionals] = counts(message)
  if (questions !== 1 || answers > 0 || authorities > 0 || additionals > 1) return refuse(rcodes.FORMERR)
  const nameEnd = endOfName(message, headerBytes, false)
  if (nameEnd === -1 || nameEnd + 4 > message.length) return refuse(rcodes.FORMERR)
  const type = message.readUInt16BE(nameEnd)
  const end = nameEnd + 4
  if (message.readUInt16BE(nameEnd + 2) !== classIn || refusedTypes.has(type)) return refuse(rcodes.NOTIMP)
  const opt = additionals === 1 ? recordAt(message, end) : undefined
  if (additionals === 1 && (opt?.type !== optType || message[end] !== 0)) return refuse(rcodes.FORMERR)
  if ((opt?.end ?? end) !== message.length) return refuse(rcodes.FORMERR)
  return {
    id,
    flags,
    type,
    name: nameText(message, headerBytes, nameEnd),
    bytes: Buffer.from(message.subarray(headerBytes, end)),
    udpBytes: opt?.klass,
    dnssec: opt !== undefined && (opt.ttl & 0x8000) !== 0,
  }
}

/** Case may be changed on the way; nothing else may. */
const sameQuestion = (a: Buffer, b: Buffer): boolean =>
  a.length === b.length && a.toString('latin1').toLowerCase() === b.toString('latin1').toLowerCase()

/** An upstream's reply to this question under this id; undefined if it is none, or not framed exactly. */
export const parseReply = (message: Buffer, id: number, question: Question): Answers | undefined => {
  const start = headerBytes + question.bytes.length
  if (message.length < start || message.readUInt16BE(0) !== id) return undefined
  const flags = message.readUInt16BE(2)
  const [questions, answers, authorities, additionals] = counts(message)
  if (!(flags & flagBits.response) || (flags >> 11) & 15 || questions !== 1) return undefined
  if (!sameQuestion(message.subarray(headerBytes, start), question.bytes)) return undefined
  const total = answers + authorities + additionals
  if (total > recordsMax) return undefined
  const addresses: Answers['addresses'] = []
  let at = start
  let answersEnd = start
  for (let index = 0; index < total; index++) {
    const record = recordAt(message, at)
    if (!record) return undefined
    at = record.end
    if (index < answers) {
      answersEnd = at
      if (record.type === types.A || record.type === types.AAAA) {
        if (record.data.length !== (record.type === types.A ? 4 : 16)) return undefined
        addresses.push({ type: record.type === types.A ? 'A' : 'AAAA', bytes: record.data })
      }
    }
  }
  if (at !== message.length) return undefined
  return {
    rcode: flags & 15,
    truncated: (flags & flagBits.truncated) !== 0,
    count: answers,
    bytes: message.subarray(start, answersEnd),
    addresses,
  }
}

// The messages that we write: our own query upstream, and replies to guests. A reply holds the question, the answers and
// nothing else: authority and additional sections are dropped, as are all options. Pure.

import { flagBits, headerBytes, rcodes, type Answers, type Question, type Refusal } from './wire.ts'

/** What passes every line unfragmented. */
export const udpBytesMax = 1232
const udpBytesMin = 512

const header = (
  id: number,
  flags: number,
  questions: number,
  answers: number,
  additionals: number,
): Buffer => {
  const bytes = Buffer.alloc(headerBytes)
  for (const [index, value] of [id, flags, questions, answers, 0, additionals].entries()) {
    bytes.writeUInt16BE(value, index * 2)
  }
  return bytes
}

const opt = (dnssec: boolean): Buffer => {
  const bytes = Buffer.alloc(11)
  bytes.writeUInt16BE(41, 1)
  bytes.writeUInt16BE(udpBytesMax, 3)
  bytes.writeUInt16BE(dnssec ? 0x8000 : 0, 7)
  return bytes
}

const optOf = (question: Question): Buffer =>
  question.udpBytes === undefined ? Buffer.alloc(0) : opt(question.dnssec)

const additionalsOf = (question: Question): number => (question.udpBytes === undefined ? 0 : 1)

/** The question again, under an id of ours, with none of the guest's options. */
export const composeQuery = (id: number, question: Question): Buffer => {
  const flags = flagBits.desired | (question.flags & flagBits.unchecked)
  return Buffer.concat([header(id, flags, 1, 0, additionalsOf(question)), question.bytes, optOf(question)])
}

const replyFlags = (asked: number, rcode: number): number =>
  flagBits.response | flagBits.available | (asked & (flagBits.desired | flagBits.unchecked)) | rcode

export const composeRefusal = ({ id, flags, rcode }: Refusal): Buffer =>
  header(id, replyFlags(flags, rcode), 0, 0, 0)

/** No answers: an error, or none of that type. */
export const composeEmpty = (question: Question, rcode: number): Buffer =>
  Buffer.concat([
    header(question.id, replyFlags(question.flags, rcode), 1, 0, additionalsOf(question)),
    question.bytes,
    optOf(question),
  ])

export const composeAnswers = (question: Question, answers: Answers): Buffer =>
  Buffer.concat([
    header(
      question.id,
      replyFlags(question.flags, answers.rcode) | (answers.truncated ? flagBits.truncated : 0),
      1,
      answers.count,
      additionalsOf(question),
    ),
    question.bytes,
    answers.bytes,
    optOf(question),
  ])

/** What the asker cannot take over UDP becomes an empty reply that tells it to come again over TCP. */
export const fitForUdp = (question: Question, reply: Buffer): Buffer => {
  const limit = Math.min(udpBytesMax, Math.max(udpBytesMin, question.udpBytes ?? udpBytesMin))
  if (reply.length <= limit) return reply
  const short = composeEmpty(question, rcodes.NOERROR)
  short.writeUInt16BE(short.readUInt16BE(2) | flagBits.truncated, 2)
  return short
}

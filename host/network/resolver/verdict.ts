// What becomes of a question and of its answers. Pure. A name that resolves to a private or reserved address does not
// exist for guests: such answers are how a public name is made to point inwards. Guests have no IPv6, so names have no
// IPv6 addresses; and no service bindings, which would carry addresses and keys past whoever looks at names.

import { closedIpv4, isClosedIpv4, isClosedIpv6 } from '../ranges.ts'
import { contains, parseCidr, parseIpv4, sizeOf } from '../address.ts'
import { composeAnswers, composeEmpty } from './compose.ts'
import { rcodes, types, type Answers, type Question } from './wire.ts'

const reversePattern = /^((?:\d{1,3}\.){1,4})in-addr\.arpa$/

/** Whether the name asks who has a private address (or a block that lies in one): that is the host's network's business. */
const isPrivateReverse = (name: string): boolean => {
  if (name === 'ip6.arpa' || name.endsWith('.ip6.arpa')) return true
  const octets = reversePattern.exec(name)?.[1]?.split('.').filter(Boolean).toReversed()
  if (!octets) return false
  const bits = octets.length * 8
  const base = parseIpv4([...octets, '0', '0', '0'].slice(0, 4).join('.'))
  if (base === undefined) return false
  return closedIpv4.some((text) => {
    const range = parseCidr(text)
    return (
      range !== undefined &&
      (contains(range, base) || (bits < range.bits && range.base - base < sizeOf(bits) && range.base >= base))
    )
  })
}

/** The reply when nobody needs to be asked. */
export const answerOurselves = (question: Question): Buffer | undefined => {
  if (isPrivateReverse(question.name)) return composeEmpty(question, rcodes.NXDOMAIN)
  if (question.type === types.SVCB || question.type === types.HTTPS)
    return composeEmpty(question, rcodes.NOERROR)
  return undefined
}

const isClosed = ({ type, bytes }: Answers['addresses'][number]): boolean =>
  type === 'A'
    ? isClosedIpv4(bytes.readUInt32BE())
    : isClosedIpv6(Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2)))

/** The reply to a guest, made from what upstream answered. */
export const judge = (question: Question, answers: Answers): Buffer => {
  if (answers.addresses.some(isClosed)) return composeEmpty(question, rcodes.NXDOMAIN)
  if (question.type === types.AAAA || answers.addresses.some(({ type }) => type === 'AAAA'))
    return composeEmpty(question, answers.rcode)
  return composeAnswers(question, answers)
}

// Certificates as text: taken out of bundles, compared, joined. Only certificates get through, never a private key that
// somebody keeps in the same file. Pure.

import { createHash } from 'node:crypto'

const block = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g

/** Each certificate once, in the order of the text, in one spelling. */
export const certificatesIn = (...texts: readonly string[]): string[] => {
  const found = texts.flatMap((text) =>
    [...text.matchAll(block)].map((match) => (match[1] ?? '').replace(/\s+/g, '')),
  )
  return [...new Set(found)].filter((body) => body !== '').map(toPem)
}

const toPem = (body: string): string =>
  `-----BEGIN CERTIFICATE-----\n${body.replace(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`

/** A name for one certificate that depends on nothing else. */
export const certificateDigest = (pem: string): string =>
  createHash('sha256').update(pem).digest('hex').slice(0, 16)

/** What `wanted` has and `present` lacks. */
export const missingFrom = (present: readonly string[], wanted: readonly string[]): string[] => {
  const known = new Set(present)
  return wanted.filter((pem) => !known.has(pem))
}

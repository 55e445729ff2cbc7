// Secrets that have to be read again, sealed with AES-256-GCM before they are stored. `about` names what a text belongs
// to: it chooses the key and is authenticated, so that a sealed text is worth nothing in another place. What can fail:
// `open`, with `SealBroken`, when the key is another one or the text was changed.

import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'

export interface Seal {
  close(text: string, about: string): string
  open(sealed: string, about: string): string
}

export class SealBroken extends Error {
  override name = 'SealBroken'
}

/** Says how a text was sealed, should there ever be another way. */
const form = 'a1.'
const algorithm = 'aes-256-gcm'
const nonceBytes = 12
const tagBytes = 16

export const createSeal = (secret: Uint8Array): Seal => {
  const root = Buffer.from(hkdfSync('sha256', secret, '', 'pandastack seal', 32))
  // A key for each place: random nonces of one key may not be used without limit.
  const keyFor = (about: string): Buffer => createHmac('sha256', root).update(about).digest()
  return {
    close(text, about) {
      const nonce = randomBytes(nonceBytes)
      const cipher = createCipheriv(algorithm, keyFor(about), nonce, { authTagLength: tagBytes })
      cipher.setAAD(Buffer.from(about))
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return form + Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64')
    },
    open(sealed, about) {
      try {
        if (!sealed.startsWith(form)) throw new Error('not a sealed text')
        const bytes = Buffer.from(sealed.slice(form.length), 'base64')
        const nonce = bytes.subarray(0, nonceBytes)
        const decipher = createDecipheriv(algorithm, keyFor(about), nonce, { authTagLength: tagBytes })
        decipher.setAAD(Buffer.from(about))
        decipher.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes))
        const body = bytes.subarray(nonceBytes + tagBytes)
        return Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8')
      } catch (cause) {
        throw new SealBroken(`${about} cannot be unsealed: it was sealed with another key, or changed`, {
          cause,
        })
      }
    },
  }
}

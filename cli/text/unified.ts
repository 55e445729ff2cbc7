// What differs between two file systems, in the form that git has made known. Pure.

import type { Diff } from '@pandastack/client/client.ts'
import { sizeText } from './duration.ts'

type FileDiff = Diff['files'][number]

/** As git does: a name that could be taken for something else is written as a string. */
const quoted = (path: string): string => (/["\\\p{Cc}]/u.test(path) ? JSON.stringify(path) : path)

const untold = ({ change, kind, size_bytes: sizeBytes }: FileDiff): string => {
  if (change === 'removed') return `deleted ${kind}\n`
  const size = kind === 'file' ? `, ${sizeText(sizeBytes)}` : ''
  return change === 'added' ? `new ${kind}${size}\n` : `${kind} differs${size}\n`
}

const fileText = (file: FileDiff): string => {
  const [before, after] = [quoted(`a${file.path}`), quoted(`b${file.path}`)]
  const head = `diff --git ${before} ${after}\n`
  if (file.text_diff === null) return head + untold(file)
  const sides =
    `--- ${file.change === 'added' ? '/dev/null' : before}\n` +
    `+++ ${file.change === 'removed' ? '/dev/null' : after}\n`
  const body = file.text_diff.endsWith('\n') ? file.text_diff : `${file.text_diff}\n`
  return head + (body.startsWith('--- ') ? '' : sides) + body
}

export const unified = ({ files }: Diff): string => files.map(fileText).join('')

/** Files are a guest's: on a terminal no control character of theirs may act. */
export const harmless = (text: string): string => text.replace(/[^\P{Cc}\n\t]/gu, '�')

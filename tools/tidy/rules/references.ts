// Documents that name files which do not exist are worse than none. Looks at the documents at the root and in docs/:
// every path in backticks that starts with a folder of this checkout, and every relative link.

import { posix } from 'node:path'
import type { Violation } from '../violation.ts'

const isDocument = (path: string): boolean => /^(docs\/.+|[^/]+)\.md$/.test(path)
const quoted = /`([\w.-]+(?:\/[\w.@-]+)+\/?)`/g
const linked = /\]\((?!\w+:|#)([^)#\s]+)/g

/** `exists` answers for paths from the root. */
export const references = (path: string, text: string, exists: (path: string) => boolean): Violation[] => {
  if (!isDocument(path)) return []
  const missing = (line: string): string[] => {
    const names = [...line.matchAll(quoted)].map((match) => match[1] ?? '')
    const inside = names.filter((name) => exists(name.split('/')[0] ?? ''))
    const links = [...line.matchAll(linked)].map((match) => posix.join(posix.dirname(path), match[1] ?? ''))
    return [...inside, ...links].filter((name) => !exists(name))
  }
  return text.split('\n').flatMap((line, index) =>
    missing(line).map((name) => ({
      path,
      line: index + 1,
      rule: 'references',
      message: `${name} does not exist`,
    })),
  )
}

// Finds the files of a checkout: code to parse, and text in which only words are looked for.
// Fails if the root cannot be read; generated and installed folders are not entered.

import { readdirSync } from 'node:fs'
import { extname, join } from 'node:path'

const closedFolders = new Set(['node_modules', 'gen', 'dist', 'coverage', '.git', '.pandastack'])
const code = ['.ts', '.tsx', '.mts', '.js', '.mjs']
const text = [
  '.json',
  '.md',
  '.sh',
  '.py',
  '.go',
  '.yml',
  '.yaml',
  '.toml',
  '.service',
  '.css',
  '.html',
  '.sql',
  '',
]
const codeExtensions = new Set(code)
const textExtensions = new Set([...code, ...text])

export interface Listing {
  code: string[]
  text: string[]
}

/** Paths from the root, sorted. */
export const listFiles = (root: string): Listing => {
  const text: string[] = []
  const enter = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.isDirectory() && !closedFolders.has(entry.name)) enter(path)
      const generated = entry.name === 'package-lock.json' || /[._]gen\.\w+$/.test(entry.name)
      if (entry.isFile() && !generated && textExtensions.has(extname(entry.name))) text.push(path)
    }
  }
  enter('')
  text.sort()
  return { text, code: text.filter((path) => codeExtensions.has(extname(path))) }
}

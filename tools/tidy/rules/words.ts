// Text that ties the product to one machine: hosts of package registries, and absolute paths of a workplace.
// Paths under the temporary folder are fine in tests, where they name files inside a sandbox.

import { isTest } from '../rooms.ts'
import type { Violation } from '../violation.ts'

const registry =
  /\b(registry\.npmjs|pypi\.(org|python)|files\.pythonhosted|proxy\.golang|static\.crates|crates\.io\/api|repo1?\.maven|deb\.debian\.org|archive\.ubuntu)/i
const workplace = /(?<![\w.~@$}*-])\/work\/[.\w]/
const temporary = /(?<![\w.~@$}*-])\/(?:var\/)?tmp\/[.\w]/

const judge = (path: string, text: string): string | undefined => {
  if (registry.test(text)) return 'names a registry host: use what the package client is configured with'
  if (workplace.test(text)) return 'names an absolute path of one machine'
  const code = /\.[cm]?[jt]sx?$/.test(path)
  return code && !isTest(path) && temporary.test(text)
    ? 'names a fixed temporary path: ask for a fresh one'
    : undefined
}

export const words = (path: string, text: string): Violation[] =>
  text.split('\n').flatMap((line, index) => {
    const message = judge(path, line)
    return message ? [{ path, line: index + 1, rule: 'words', message }] : []
  })

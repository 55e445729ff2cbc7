// A diff on the screen or into a pipe.

import type { Diff } from '@pandastack/client/client.ts'
import { printJson, type Context } from '../context.ts'
import { harmless, unified } from '../text/unified.ts'

export const showDiff = (context: Context, diff: Diff, json: boolean): void => {
  const { stdout, stderr } = context.process
  if (json) return printJson(context, diff)
  const text = unified(diff)
  stdout.write(stdout.isTTY ? harmless(text) : text)
  if (diff.truncated) stderr.write('more files differ than are shown\n')
}

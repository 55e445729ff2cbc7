// Composition root of the command line: streams, environment and signals of this process.

import { enableCompileCache } from 'node:module'
import { join } from 'node:path'
import type { Context } from './context.ts'

// Halves the time to the first output. In the checkout and not where everybody may write: it is code.
enableCompileCache(join(import.meta.dirname, '../.pandastack/compiled'))
const { run } = await import('@stricli/core')
const { app, version } = await import('./app.ts')
const { exitCodes } = await import('./exit-codes.ts')

const interrupted = new AbortController()
let signals = 0
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    signals += 1
    interrupted.abort()
    // Whoever asks three times does not want to wait for anything to be put down.
    if (signals === 3) process.exit(exitCodes.interrupted)
  })
}
// A reader that has gone (`pandastack logs | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.ok)
  throw error
})

const context: Context = {
  process,
  stdin: process.stdin,
  env: process.env,
  signal: interrupted.signal,
  setExitCode: (code) => (process.exitCode = code),
  program: process.env['PANDASTACK_PROGRAM'] ?? 'pandastack',
}

const words = process.argv.slice(2)
if (words[0] === 'version') process.stdout.write(`pandastack ${version()}\n`)
else {
  const asked = words.length === 0 || words[0] === 'help' ? [...words.slice(1), '--help'] : words
  await run(app, asked, context)
  // The library's codes for a wrong command line are negative.
  if (typeof process.exitCode === 'number' && process.exitCode < 0) process.exitCode = exitCodes.usage
}

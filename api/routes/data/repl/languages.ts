// The languages of code contexts and of code run once. A context is a driver (drivers/) that is sent into the sandbox
// over its own standard input, so that nothing is written to the sandbox's disk and a template need not bring it.

import { readFileSync } from 'node:fs'
import { PandaError } from '@pandastack/contracts/errors.ts'
import type { Command } from '@pandastack/contracts/wire/guest/v1/calls.ts'

export interface Driver {
  source: Buffer
  command(sessionId: string): Command
}

export interface Language {
  id: string
  aliases: readonly string[]
  /** Null: code can be run once, but there are no contexts that keep state. */
  driver: Driver | null
  /** Reads the code from its standard input. */
  once: string[]
}

const asset = (name: string): Buffer => readFileSync(new URL(`./drivers/${name}`, import.meta.url))

const pythonSource = asset('python.py')
const pythonStart = `import os, sys
left, parts = int(sys.argv[2]), []
while left:
    parts.append(os.read(0, left))
    if not parts[-1]: sys.exit(1)
    left -= len(parts[-1])
exec(compile(b"".join(parts), "<session>", "exec"))`

const javascriptSource = asset('javascript.mjs')
const javascriptStart = `const fs = require("fs")
const source = Buffer.alloc(Number(process.argv[3]))
for (let at = 0; at < source.length; ) at += fs.readSync(4, source, at, source.length - at)
import("data:text/javascript;base64," + source.toString("base64"))`
/** The channel moves to descriptors 3 and 4; what cells print goes to files, which the driver reads and unlinks. */
const javascriptShell =
  'd=$(mktemp -d) && exec 3>&1 4<&0 </dev/null >>"$d/out" 2>>"$d/err" && exec node -e "$3" "$1" "$d" "$2"'

export const languages: readonly Language[] = [
  {
    id: 'python',
    aliases: ['py', 'python3'],
    driver: {
      source: pythonSource,
      command: (id) => ({ argv: ['python3', '-c', pythonStart, id, String(pythonSource.length)] }),
    },
    once: ['python3', '-'],
  },
  {
    id: 'javascript',
    aliases: ['js', 'node', 'nodejs'],
    driver: {
      source: javascriptSource,
      command: (id) => ({
        argv: ['/bin/sh', '-c', javascriptShell, 'sh', id, String(javascriptSource.length), javascriptStart],
      }),
    },
    once: ['node', '-'],
  },
  { id: 'bash', aliases: ['sh', 'shell'], driver: null, once: ['bash', '-s'] },
]

export const findLanguage = (name: string): Language => {
  const lower = name.toLowerCase()
  const found = languages.find((one) => one.id === lower || one.aliases.includes(lower))
  if (!found) throw new PandaError('invalid_request', `unsupported language: ${name.slice(0, 64)}`)
  return found
}

// Proves the architecture: `node tools/tidy/main.ts [root]`. One line for each violation; exit code 1 if there is any.

import { resolve } from 'node:path'
import { inspect } from './inspect.ts'
import { show } from './violation.ts'

const root = resolve(process.argv[2] ?? resolve(import.meta.dirname, '../..'))
const { violations, codeFiles, medianLines } = inspect(root)
for (const violation of violations) console.log(show(violation))
console.error(`tidy: ${codeFiles} files, median ${medianLines} lines, ${violations.length} violations`)
process.exitCode = violations.length === 0 ? 0 : 1

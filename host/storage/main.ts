// `node host/storage/main.ts prepare|release DIR [--size-gib N]`
// Makes a data directory ready before anything is put into it, or unmounts it when an installation goes down; the host
// agent does the first by itself as well. One JSON object on stdout: how the directory is backed.

import { parseArgs } from 'node:util'
import { prepareDataDir, releaseDataDir } from './data-dir.ts'

const usage = 'usage: main.ts prepare|release DIR [--size-gib N]'
const gib = 1024 ** 3

const main = async (): Promise<void> => {
  const { values, positionals } = parseArgs({
    options: { 'size-gib': { type: 'string' } },
    allowPositionals: true,
  })
  const [verb, dir, ...rest] = positionals
  const sizeGib = Number(values['size-gib'] ?? 64)
  if (!dir?.startsWith('/') || rest.length > 0 || !(sizeGib >= 1)) throw new TypeError(usage)
  if (verb === 'prepare') {
    const data = await prepareDataDir(dir, { sizeBytes: Math.floor(sizeGib * gib) })
    process.stdout.write(`${JSON.stringify(data)}\n`)
  } else if (verb === 'release') await releaseDataDir(dir)
  else throw new TypeError(usage)
}

try {
  await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = error instanceof TypeError ? 2 : 1
}

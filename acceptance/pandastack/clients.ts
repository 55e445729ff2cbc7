// Installs the published clients, pinned, into a directory of their own, once; later calls find them there.

import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { runChecked } from '@pandastack/kit/process/run.ts'

const here = path.join(import.meta.dirname, 'published')
const cache = path.join(here, '..', '..', '..', '.pandastack', 'clients')
const deadlineMs = 300_000

export interface Clients {
  npmDir: string
  npmModule: string
  npmCli: string
  python: string
  /** PYTHONPATH under which `python` finds the client. */
  pythonPath: string
  /** An empty home, so that no configuration file of the user's is read. */
  home: string
}

let pending: Promise<Clients> | undefined
export const clients = (): Promise<Clients> => (pending ??= install())

async function install(): Promise<Clients> {
  const hash = createHash('sha256')
  for (const file of ['package.json', 'package-lock.json', 'requirements.txt'])
    hash.update(await readFile(path.join(here, file)))
  const dir = path.join(cache, hash.digest('hex').slice(0, 16))
  if (!existsSync(dir)) {
    const making = `${dir}.making`
    await rm(making, { recursive: true, force: true })
    await mkdir(path.join(making, 'home'), { recursive: true })
    for (const file of ['package.json', 'package-lock.json'])
      await cp(path.join(here, file), path.join(making, file))
    const env = { ...(process.env as Record<string, string>) }
    await runChecked('npm', ['ci', '--no-audit', '--no-fund'], { deadlineMs, env, cwd: making })
    // Packages by target directory, not a virtual environment: that one holds absolute paths and cannot be renamed.
    await runChecked(
      'python3',
      [
        '-m',
        'pip',
        'install',
        '--quiet',
        '--target',
        path.join(making, 'python'),
        '-r',
        path.join(here, 'requirements.txt'),
      ],
      { deadlineMs, env },
    )
    await rename(making, dir)
  }
  const sdk = path.join(dir, 'node_modules', '@pandastack', 'sdk', 'dist')
  return {
    npmDir: dir,
    npmModule: path.join(sdk, 'index.mjs'),
    npmCli: path.join(sdk, 'cli.js'),
    python: 'python3',
    pythonPath: path.join(dir, 'python'),
    home: path.join(dir, 'home'),
  }
}

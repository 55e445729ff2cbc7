// The sandbox that is forked: made, filled with programs, and handed out once all of them are at work.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Client, Sandbox } from '@pandastack/client/client.ts'
import { Refusal } from '../../../exit-codes.ts'
import { commands, dir, port, sources, writing } from './programs.ts'

const inside = join(import.meta.dirname, 'inside')
const ttlSeconds = 900
const startWithinSeconds = 60

/** In the background, with what it complains of in a file. */
const startLine = ([name, command]: [string, string]): string =>
  `cd ${dir} && setsid ${command} </dev/null >${name}.err 2>&1 &`

/** The connection to the outside stands, or could not be made. */
const connected = `'"outside": {"count": \\([1-9]\\|0, "end": "\\)'`
const ready = [
  ...writing.map((name) => `[ -s ${dir}/${name} ]`),
  `curl -s localhost:${port}/state | grep -q ${connected}`,
].join(' && ')

const wait = `for i in $(seq ${startWithinSeconds * 5}); do ${ready} && exit 0; sleep 0.2; done; tail -n 3 ${dir}/*.err; exit 1`

/** The caller removes it. */
export const makeParent = (client: Client, signal: AbortSignal): Promise<Sandbox> =>
  client.sandboxes.create(
    { template: 'base', ttl_seconds: ttlSeconds, metadata: { purpose: 'doctor' } },
    { signal },
  )

export const startPrograms = async (client: Client, id: string, signal: AbortSignal): Promise<void> => {
  for (const name of sources)
    await client.files.write(id, `${dir}/${name}`, await readFile(join(inside, name), 'utf8'), { signal })
  const cmd = [`mkdir -p ${dir}/done`, ...Object.entries(commands).map(startLine), wait].join('\n')
  const limits = { timeout_seconds: startWithinSeconds + 30 }
  const { exit_code: exitCode, stdout } = await client.exec.run(id, { cmd, ...limits }, { signal })
  if (exitCode !== 0) throw new Refusal(`the programs in the sandbox did not come to work: ${stdout.trim()}`)
}

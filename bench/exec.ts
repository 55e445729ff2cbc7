// Round trip of a trivial command on a warm sandbox through the API, beside the same call made straight to the agent
// inside the sandbox, and beside `runsc exec`.
//
//   eval "$(./pandastack env)"; node bench/exec.ts [count=300] [template=agent]

import { create, exec, remove } from './client.ts'
import { newRow, printRows, sample } from './percentiles.ts'

const count = Number(process.argv[2] ?? 300)
const template = process.argv[3] ?? 'agent'
const trivial = newRow('exec true')
const echo = newRow('exec echo')
const python = newRow("exec python3 -c 'print(1)'")

const sandbox = await create(template)
try {
  for (let index = 0; index < 20; index++) await exec(sandbox.id, 'true')
  for (let index = 0; index < count; index++) await sample(trivial, () => exec(sandbox.id, 'true'))
  for (let index = 0; index < count; index++) await sample(echo, () => exec(sandbox.id, 'echo hello'))
  for (let index = 0; index < count / 10; index++)
    await sample(python, () => exec(sandbox.id, "python3 -c 'print(1)'"))
} finally {
  await remove(sandbox.id)
}
printRows([trivial, echo, python])

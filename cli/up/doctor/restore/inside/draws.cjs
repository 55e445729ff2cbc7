// The same as draws.py for Node: Math.random, randomUUID and randomBytes. What asks to be told of a thaw is preloaded.

const { randomBytes, randomUUID } = require('node:crypto')
const { existsSync, openSync, readFileSync, writeFileSync, writeSync } = require('node:fs')
const { setTimeout: sleep } = require('node:timers/promises')

const [directory, name] = process.argv.slice(2)
const generation = () => readFileSync('/run/pandastack/generation', 'latin1')
const out = openSync(`${directory}/${name}`, 'a')

const draw = (phase) => {
  const instant = `${Date.now()}/${process.hrtime.bigint()}`
  writeSync(out, `${instant} ${phase} ${Math.random()} ${randomUUID()} ${randomBytes(16).toString('hex')}\n`)
}

const main = async () => {
  const born = generation()
  while (generation() === born) {
    draw(1)
    await sleep(10)
  }
  for (let i = 0; i < 20; i += 1) {
    draw(1)
    await sleep(10)
  }
  while (!existsSync(`${directory}/go`)) await sleep(1000)
  for (let i = 0; i < 100; i += 1) draw(2)
  writeFileSync(`${directory}/done/${name}`, '')
}
void main()

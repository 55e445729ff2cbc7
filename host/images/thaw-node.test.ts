// The Node module as it goes into images, in real processes.

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { agentDirectory, startTime } from './fixtures/agent.ts'
import { converse, type Conversation } from './fixtures/conversation.ts'

const module = join(import.meta.dirname, 'inside/thaw.cjs')
const still = join(import.meta.dirname, 'fixtures/still.cjs')

const start = (script: string, run: string, preloaded = [still, module]): Conversation => {
  const required = preloaded.flatMap((path) => ['--require', path])
  return converse(process.execPath, [...required, '-e', script], { PANDASTACK_RUN: run })
}

/** Evaluates what it is asked; says `thawed` by itself. */
const evaluator = `
const crypto = require('node:crypto')
const { promisify } = require('node:util')
const thaw = require(${JSON.stringify(module)})
thaw.onThaw(() => console.log('thawed'))
require('node:readline').createInterface({ input: process.stdin }).on('line', async (line) => {
  console.log(JSON.stringify(await eval(line)))
})
`

const draw = 'Math.random()'

/** Each in all its forms; what is not random about the result is checked where it is drawn. */
const draws = [
  'crypto.randomBytes(16).toString("hex")',
  'promisify(crypto.randomBytes)(16).then((bytes) => bytes.toString("hex"))',
  'promisify(crypto.randomBytes)(200_000).then((bytes) => bytes.toString("hex"))',
  'crypto.pseudoRandomBytes(16).toString("hex")',
  'crypto.randomFillSync(Buffer.alloc(16)).toString("hex")',
  'crypto.randomFillSync(new Uint32Array(6), 2, 3).join()',
  'crypto.randomFillSync(new DataView(new ArrayBuffer(16), 4)).getBigUint64(2).toString()',
  'promisify(crypto.randomFill)(new Uint16Array(16)).then((array) => array.join())',
  'promisify(crypto.randomFill)(Buffer.alloc(16), 3).then((bytes) => bytes.toString("hex"))',
  'promisify(crypto.randomFill)(Buffer.alloc(20), 3, 9).then((bytes) => bytes.toString("hex"))',
  'crypto.randomInt(2 ** 47)',
  'crypto.randomInt(-(2 ** 46), 2 ** 46)',
  'promisify(crypto.randomInt)(2 ** 47)',
  'promisify(crypto.randomInt)(5, 2 ** 47)',
  'crypto.randomUUID()',
  'crypto.randomUUID({ disableEntropyCache: true })',
  'globalThis.crypto.randomUUID()',
  'globalThis.crypto.getRandomValues(new Uint32Array(4)).join()',
  'crypto.getRandomValues(new BigUint64Array(2)).join()',
  'import("node:crypto").then(({ randomBytes }) => randomBytes(16).toString("hex"))',
  ...('randomUUIDv7' in process.getBuiltinModule('crypto') ? ['crypto.randomUUIDv7()'] : []),
]

describe('a Node program that preloads thaw.cjs', () => {
  test('stands where another stands, until both are told of a thaw', async () => {
    await using agent = await agentDirectory()
    await using one = start(evaluator, agent.dir)
    await using other = start(evaluator, agent.dir)
    for (let i = 0; i < 3; i += 1) expect(await one.ask(draw)).toBe(await other.ask(draw))
    for (const each of [one, other]) {
      expect(await agent.registration(each.pid)).toBe(`23 ${await startTime(each.pid)}\n`)
      await each.ask('globalThis.still = false')
    }
    expect(await one.ask(draw), 'the kernel alone changes nothing').toBe(await other.ask(draw))
    for (const each of [one, other]) {
      await agent.tell(each.pid)
      expect(await each.hear()).toBe('thawed')
    }
    expect(await one.ask(draw)).not.toBe(await other.ask(draw))
    expect(await one.end()).toBe('')
    expect(await readdir(join(agent.dir, 'reseed'))).toEqual([String(other.pid)])
  })

  test('has bytes of the kernel in all that it draws from OpenSSL, told or not', async () => {
    await using agent = await agentDirectory()
    await using one = start(evaluator, agent.dir)
    await using other = start(evaluator, agent.dir)
    for (const each of draws) expect(await one.ask(each), each).toBe(await other.ask(each))
    for (const each of [one, other]) await each.ask('globalThis.still = false')
    for (const each of draws) expect(await one.ask(each), each).not.toBe(await other.ask(each))
  })

  test('hands the thaw on to its workers', async () => {
    await using agent = await agentDirectory()
    const withWorker = `${evaluator}
const { Worker } = require('node:worker_threads')
const worker = new Worker('const { parentPort } = require("node:worker_threads"); ' +
  'parentPort.on("message", (still) => { globalThis.still = still; parentPort.postMessage(Math.random()) })', { eval: true })
const drawThere = (still) => new Promise((resolve) => { worker.once('message', resolve); worker.postMessage(still) })
`
    await using one = start(withWorker, agent.dir)
    await using other = start(withWorker, agent.dir)
    expect(await one.ask('drawThere(true)')).toBe(await other.ask('drawThere(true)'))
    for (const each of [one, other]) {
      await agent.tell(each.pid)
      expect(await each.hear()).toBe('thawed')
    }
    expect(await one.ask('drawThere(false)')).not.toBe(await other.ask('drawThere(false)'))
  })

  test('gets what Node promises, and is refused what Node refuses, in the same words', async () => {
    await using agent = await agentDirectory()
    await using plain = start(evaluator.replace(/^.*thaw.*$/gm, ''), agent.dir, [])
    await using changed = start(evaluator, agent.dir, [module])
    const outcomes = (call: string): string =>
      `(async () => { try { return ${call} } catch (error) { return [error.name, error.code, error.message] } })()`
    const buffers = ['new Uint8Array(2)', 'new Float32Array(2)', 'new Uint8Array(65537)', '"text"', '[]', '']
    const refused = [
      ...['"x"', '-1', '2 ** 40', '1, "callback"', ''].map((args) => `crypto.randomBytes(${args})`),
      ...['0', '3, 1', '"3"', '1.5', '2 ** 53', '0, 2 ** 48', '1, 2, 3'].map(
        (args) => `crypto.randomInt(${args})`,
      ),
      ...['new Uint8Array(2), 3', 'new Uint8Array(2), 0, 3', '"x"'].map(
        (args) => `crypto.randomFillSync(${args})`,
      ),
      ...['new Uint8Array(2)', 'new Uint8Array(2), 3, () => {}'].map((args) => `crypto.randomFill(${args})`),
      ...['3', '{ disableEntropyCache: 1 }'].map((args) => `crypto.randomUUID(${args})`),
      ...buffers.map((args) => `globalThis.crypto.getRandomValues(${args}).byteLength`),
      'Crypto.prototype.randomUUID.call({})',
      'Crypto.prototype.getRandomValues.call({}, new Uint8Array(2))',
    ]
    for (const call of refused)
      expect(await changed.ask(outcomes(call)), call).toBe(await plain.ask(outcomes(call)))
    const uuids = 'Array.from({ length: 99 })'
    const v4 = '(/^[\\da-f]{8}-[\\da-f]{4}-4[\\da-f]{3}-[89ab][\\da-f]{3}-[\\da-f]{12}$/)'
    const shapes = [
      'crypto.randomBytes(0).length',
      'crypto.randomBytes(70_000).length',
      'Array.from({ length: 999 }, () => crypto.randomInt(3)).sort().join("").replace(/(.)\\1*/g, "$1")',
      'Array.from({ length: 999 }, () => crypto.randomInt(-2, 0)).sort().join(" ").replace(/(-.)( \\1)*/g, "$1")',
      'crypto.randomFillSync(new Uint32Array(4), 1, 2).filter((_, at) => at === 0 || at === 3).join()',
      'promisify(crypto.randomFill)(new Uint16Array(9), 4).then((all) => all.subarray(0, 4).join())',
      ...['crypto.randomUUID', '(() => globalThis.crypto.randomUUID())'].map(
        (draw) => `${uuids}.every(() => ${v4}.test(${draw}()))`,
      ),
      'Array.from({ length: 999 }, Math.random).every((value) => value >= 0 && value < 1)',
      'new Set(Array.from({ length: 999 }, Math.random)).size',
    ]
    for (const call of shapes) expect(await changed.ask(call), call).toBe(await plain.ask(call))
  })

  test('takes effect in ES modules that were there before it', async () => {
    await using agent = await agentDirectory()
    const late = `import('node:crypto').then((all) => {
      const { randomBytes } = all
      require(${JSON.stringify(module)})
      console.log(all.randomBytes === randomBytes, all.randomBytes === require('node:crypto').randomBytes)
    })`
    await using program = start(late, agent.dir, [])
    expect(await program.hear()).toBe('false true')
  })

  test('does nothing outside of a sandbox, and ends by itself', async () => {
    await using outside = start(evaluator, '/nonexistent', [module])
    expect(await outside.ask('thaw.registered')).toBe('false')
    expect(await outside.ask('process.listenerCount("SIGURG")')).toBe('0')
    expect(await outside.ask('Math.random.toString()')).toContain('[native code]')
    expect(await outside.end()).toBe('')
  })
})

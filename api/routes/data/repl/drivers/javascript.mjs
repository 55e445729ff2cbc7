// Runs cells of JavaScript and keeps their state, as `python.py` beside it does for Python. Started by a shell that has
// moved the channel to descriptors 4 (requests) and 3 (replies) and sent descriptors 1 and 2 to files, which are read
// and emptied after each cell. The inspector evaluates: it knows `await` and repeated `const` at the top level, and it
// can end a loop that never ends.

import { ftruncateSync, fstatSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Session } from 'node:inspector'
import { Socket } from 'node:net'
import { inspect } from 'node:util'

const [mark, folder] = process.argv.slice(1)
/** Later than the timeout that the control plane keeps, which is an interrupt that only waiting code can hear. */
const terminateAfterMs = 1000
const textMaxBytes = 4 * 1024 * 1024
const files = { stdout: openSync(`${folder}/out`, 'r+'), stderr: openSync(`${folder}/err`, 'r+') }
rmSync(folder, { recursive: true, force: true })
const inspector = new Session()
inspector.connect()

globalThis.require = createRequire(`${process.cwd()}/cell.js`)
process.on('uncaughtException', (error) => console.error(error))
process.on('unhandledRejection', (error) => console.error(error))
let interrupt = () => {}
process.on('SIGINT', () => interrupt())

const take = (fd) => {
  const sizeBytes = fstatSync(fd).size
  const bytes = Buffer.alloc(Math.min(sizeBytes, textMaxBytes))
  readSync(fd, bytes, 0, bytes.length, 0)
  ftruncateSync(fd, 0)
  const dropped = sizeBytes - bytes.length
  return bytes.toString('utf8') + (dropped > 0 ? `\n[${dropped} more bytes not kept]\n` : '')
}

const post = (method, params) =>
  new Promise((resolve, reject) => {
    inspector.post(method, params, (error, reply) =>
      error ? reject(new Error(error.message)) : resolve(reply),
    )
  })

const evaluate = async (code, timeoutMs) => {
  globalThis.__cell = (value) => (globalThis.__value = value)
  const interrupted = new Promise((_, reject) => {
    interrupt = () => reject(new Error('interrupted'))
  })
  const evaluated = post('Runtime.evaluate', {
    expression: code,
    replMode: true,
    awaitPromise: true,
    timeout: timeoutMs + terminateAfterMs,
  })
  const reply = await Promise.race([evaluated, interrupted])
  if (reply.exceptionDetails) {
    const { exception, text } = reply.exceptionDetails
    return { error: ownLines(exception?.description ?? String(exception?.value ?? text)) }
  }
  if (reply.result.type === 'undefined') return { text: null }
  if (reply.result.objectId === undefined) {
    const { value, unserializableValue, description } = reply.result
    return {
      text:
        typeof value === 'string' ? inspect(value) : (unserializableValue ?? description ?? String(value)),
    }
  }
  // The value itself is in this process: hand it to our own function to have it printed as console.log would.
  const { result: keeper } = await post('Runtime.evaluate', { expression: '__cell' })
  await post('Runtime.callFunctionOn', {
    functionDeclaration: 'function (value) { this(value) }',
    objectId: keeper.objectId,
    arguments: [{ objectId: reply.result.objectId }],
  })
  return { text: inspect(globalThis.__value).slice(0, 1024 * 1024) }
}

/** A stack down to the cell; what is below it is this file. */
const ownLines = (stack) => {
  const lines = stack.split('\n')
  const end = lines.findIndex((line) => line.includes('at Session.post (node:inspector'))
  return (end < 0 ? lines : lines.slice(0, end)).join('\n')
}

const run = async ({ cell, code, timeout_ms }) => {
  const startedMs = performance.now()
  let outcome
  try {
    outcome = await evaluate(code, timeout_ms)
  } catch (error) {
    outcome = { error: String(error?.message ?? error) }
  }
  interrupt = () => {}
  const reply = {
    cell,
    stdout: take(files.stdout),
    stderr: take(files.stderr),
    results: outcome.text ? [{ 'text/plain': outcome.text }] : [],
    error: outcome.error ?? null,
    duration_ms: Math.round(performance.now() - startedMs),
  }
  const payload = Buffer.from(JSON.stringify(reply))
  const head = Buffer.alloc(4)
  head.writeUInt32BE(payload.length)
  const message = Buffer.concat([Buffer.from(mark), head, payload])
  for (let at = 0; at < message.length;) at += writeSync(3, message, at)
}

let held = Buffer.alloc(0)
// A file stream would read in a thread that a cell's process.exit() waits for.
for await (const chunk of new Socket({ fd: 4, readable: true, writable: false })) {
  held = Buffer.concat([held, chunk])
  while (held.length >= mark.length + 4) {
    const length = held.readUInt32BE(mark.length)
    const end = mark.length + 4 + length
    if (held.length < end) break
    const request = JSON.parse(held.toString('utf8', mark.length + 4, end))
    held = held.subarray(end)
    await run(request)
  }
}
process.exit(0)

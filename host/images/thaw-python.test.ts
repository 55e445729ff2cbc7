// The Python module as it goes into images, in real processes.

import { spawnSync } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { agentDirectory, startTime } from './fixtures/agent.ts'
import { converse, type Conversation } from './fixtures/conversation.ts'

const missing = spawnSync('python3', ['--version']).status === 0 ? null : 'there is no python3'
if (missing !== null) console.log(`skipped: ${missing}`)

const modules = join(import.meta.dirname, 'inside')

const start = (script: string, run: string): Conversation =>
  converse('python3', ['-c', script], {
    PYTHONPATH: modules,
    PYTHONDONTWRITEBYTECODE: '1',
    PANDASTACK_RUN: run,
  })

/** Evaluates what it is asked; says `thawed` by itself. A handler must not print: it may interrupt just that. */
const evaluator = `
import os, random, signal, ssl, sys
random.seed(42)
import pandastack_thaw
pandastack_thaw.on_thaw(lambda: os.write(1, b"thawed\\n"))
for line in sys.stdin:
    print(eval(line), flush=True)
`

const draw = 'random.random()'

describe.skipIf(missing !== null)('a Python program that imports pandastack_thaw', () => {
  test('stands where another stands, until both are told of a thaw', async () => {
    await using agent = await agentDirectory()
    await using one = start(evaluator, agent.dir)
    await using other = start(evaluator, agent.dir)
    for (let i = 0; i < 3; i += 1) expect(await one.ask(draw)).toBe(await other.ask(draw))
    for (const each of [one, other]) {
      expect(await agent.registration(each.pid)).toBe(`23 ${await startTime(each.pid)}\n`)
      await agent.tell(each.pid)
      expect(await each.hear()).toBe('thawed')
    }
    expect(await one.ask(draw)).not.toBe(await other.ask(draw))
    expect(await one.ask('len(ssl.RAND_bytes(16))')).toBe('16')
    expect(await one.end()).toBe('')
    expect(await readdir(join(agent.dir, 'reseed'))).toEqual([String(other.pid)])
  })

  test('registers the processes that it forks as well', async () => {
    await using agent = await agentDirectory()
    const forking = evaluator.replace('for line', 'print(os.fork(), os.getpid(), flush=True)\nfor line')
    await using both = start(forking, agent.dir)
    const said = [await both.hear(), await both.hear()].map((line) => line.split(' ').map(Number))
    const child = said.find(([returned]) => returned === 0)?.[1] ?? 0
    expect(child).toBeGreaterThan(1)
    expect(await agent.registration(child)).toBe(`23 ${await startTime(child)}\n`)
    await agent.tell(child)
    expect(await both.hear()).toBe('thawed')
  })

  test('goes on when the lock of numpy is held by the code that is interrupted', async () => {
    await using agent = await agentDirectory()
    const locked = `
import os, sys, threading, types
lock = threading.Lock()
def seed():
    with lock: os.write(1, b"seeded\\n")
sys.modules["numpy.random"] = types.SimpleNamespace(seed=seed)
import pandastack_thaw
pandastack_thaw.on_thaw(lambda: os.write(1, b"thawed\\n"))
with lock:
    print("locked", flush=True)
    sys.stdin.readline()
sys.stdin.readline()
`
    await using program = start(locked, agent.dir)
    expect(await program.hear()).toBe('locked')
    await agent.tell(program.pid)
    expect(await program.hear()).toBe('thawed')
    expect(await program.ask('')).toBe('seeded')
  })

  test('keeps a handler that was there, and survives callbacks that fail', async () => {
    await using agent = await agentDirectory()
    const earlier = 'import os, signal\nsignal.signal(signal.SIGURG, lambda *_: os.write(1, b"earlier\\n"))\n'
    const failing = evaluator.replace(
      'pandastack_thaw.on',
      'pandastack_thaw.on_thaw(lambda: 1 / 0)\npandastack_thaw.on',
    )
    await using program = start(earlier + failing, agent.dir)
    await program.ask(draw)
    await agent.tell(program.pid)
    expect([await program.hear(), await program.hear()]).toEqual(['thawed', 'earlier'])
    expect(await program.end()).toContain('ZeroDivisionError')
  })

  test('does nothing outside of a sandbox', async () => {
    const [plain, outside] = [
      start(evaluator.replace(/^.*pandastack.*$/gm, ''), ''),
      start(evaluator, '/nonexistent'),
    ]
    await using _ = plain
    await using __ = outside
    expect(await outside.ask(draw)).toBe(await plain.ask(draw))
    expect(await outside.ask('pandastack_thaw.registered')).toBe('False')
    expect(await outside.ask('signal.getsignal(signal.SIGURG) is signal.SIG_DFL')).toBe('True')
    expect(await outside.end()).toBe('')
  })

  test('says so when it is imported where it cannot take signals', async () => {
    await using agent = await agentDirectory()
    const inThread = `
import threading
def work():
    import pandastack_thaw
    print(pandastack_thaw.registered, flush=True)
threading.Thread(target=work).start()
`
    await using program = start(inThread, agent.dir)
    expect(await program.hear()).toBe('False')
    expect(await program.end()).toContain(
      'RuntimeWarning: pandastack_thaw has to be imported in the main thread',
    )
  })
})

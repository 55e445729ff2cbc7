// Copies files between this machine and a sandbox, as streams, with a bar when it takes long. A file that is cut off
// leaves nothing behind under its name. Names that come from a sandbox are checked; links and devices are left out.

import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, join, posix } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Files } from '@pandastack/client/files.ts'
import { ApiError } from '@pandastack/client/errors.ts'
import { Refusal } from '../exit-codes.ts'
import { isPlainName } from '../text/place.ts'
import type { Screen } from './steps.ts'
import { showTransfer } from './transfer.ts'

export interface CopyTask {
  files: Files
  screen: Screen
  signal: AbortSignal
}

export interface Copied {
  files: number
  bytes: number
  skipped: string[]
}

interface Remote {
  id: string
  path: string
}

const depthMax = 64

const missing = <Value>(error: unknown, value: Value): Value => {
  if (error instanceof ApiError && error.status === 404) return value
  throw error
}

const isDirectory = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )

const skip = (task: CopyTask, copied: Copied, path: string): void => {
  copied.skipped.push(path)
  task.screen.write(`left out, neither a file nor a directory: ${JSON.stringify(path)}\n`)
}

const fetchFile = async (task: CopyTask, from: Remote, to: string, copied: Copied): Promise<void> => {
  const { body, sizeBytes } = await task.files.read(from.id, from.path, { signal: task.signal })
  using shown = showTransfer(task.screen, sizeBytes)
  const incoming = Readable.fromWeb(
    body.pipeThrough(shown.through()) as Parameters<typeof Readable.fromWeb>[0],
  )
  if (to === '-') {
    const out = new Writable({ write: (piece, _encoding, done) => void process.stdout.write(piece, done) })
    await pipeline(incoming, out, { signal: task.signal })
  } else {
    const part = `${to}.part-${process.pid}`
    try {
      await pipeline(incoming, createWriteStream(part, { flags: 'wx' }), { signal: task.signal })
      if (sizeBytes !== null && shown.doneBytes !== sizeBytes) throw new Refusal(`${from.path} was cut off`)
      await rename(part, to)
    } finally {
      await rm(part, { force: true })
    }
  }
  copied.files += 1
  copied.bytes += shown.doneBytes
}

const fetchTree = async (
  task: CopyTask,
  from: Remote,
  to: string,
  copied: Copied,
  depth = 0,
): Promise<void> => {
  if (depth > depthMax) throw new Refusal(`${from.path} is nested too deep`)
  await mkdir(to, { recursive: true })
  for (const entry of await task.files.list(from.id, from.path)) {
    const path = posix.join(from.path, entry.name)
    if (!isPlainName(entry.name)) skip(task, copied, path)
    else if (entry.is_dir)
      await fetchTree(task, { id: from.id, path }, join(to, entry.name), copied, depth + 1)
    else if (entry.mode.startsWith('f') || entry.mode.startsWith('-'))
      await fetchFile(task, { id: from.id, path }, join(to, entry.name), copied)
    else skip(task, copied, path)
  }
}

export const download = async (task: CopyTask, from: Remote, to: string): Promise<Copied> => {
  const copied: Copied = { files: 0, bytes: 0, skipped: [] }
  const entry = await task.files.stat(from.id, from.path)
  const name = posix.basename(posix.resolve('/', from.path)) || from.id
  const into = to !== '-' && (to.endsWith('/') || (await isDirectory(to))) ? join(to, name) : to
  if (!entry.is_dir) await fetchFile(task, from, into, copied)
  else if (to === '-') throw new Refusal(`${from.path} is a directory`)
  else await fetchTree(task, from, into, copied)
  return copied
}

const sendFile = async (task: CopyTask, from: string, to: Remote, copied: Copied): Promise<void> => {
  const size = from === '-' ? null : (await stat(from)).size
  using shown = showTransfer(task.screen, size)
  const source = from === '-' ? process.stdin : createReadStream(from, { highWaterMark: 262_144 })
  const body = (Readable.toWeb(source) as ReadableStream<Uint8Array>).pipeThrough(shown.through())
  const written = await task.files.write(to.id, to.path, body, { signal: task.signal })
  if (written.bytes !== shown.doneBytes)
    throw new Refusal(`${to.path}: ${written.bytes} of ${shown.doneBytes} bytes arrived`)
  copied.files += 1
  copied.bytes += shown.doneBytes
}

const sendTree = async (task: CopyTask, from: string, to: Remote, copied: Copied): Promise<void> => {
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const path = join(from, entry.name)
    const target = { id: to.id, path: posix.join(to.path, entry.name) }
    if (entry.isDirectory()) await sendTree(task, path, target, copied)
    else if (entry.isFile()) await sendFile(task, path, target, copied)
    else skip(task, copied, path)
  }
}

export const upload = async (task: CopyTask, from: string, to: Remote): Promise<Copied> => {
  const copied: Copied = { files: 0, bytes: 0, skipped: [] }
  const directory = from !== '-' && (await stat(from)).isDirectory()
  const there = await task.files.stat(to.id, to.path).catch((error: unknown) => missing(error, null))
  const inside = from !== '-' && (to.path.endsWith('/') || there?.is_dir === true)
  const target = inside ? { id: to.id, path: posix.join(to.path, basename(from)) } : to
  if (directory) await sendTree(task, from, target, copied)
  else await sendFile(task, from, target, copied)
  return copied
}

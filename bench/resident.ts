// The program that shows whether a capture is worth anything (inside/resident.py): it runs in a sandbox before it is
// captured, and must go on in whatever is restored, with its memory, its files and its count.

import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'

/** Runs a command line in a sandbox, ours or a bare one, and answers with what it printed. Throws when it fails. */
export type Shell = (command: string) => Promise<string>

export interface Load {
  memoryMb: number
  diskMb: number
}

export const noLoad: Load = { memoryMb: 0, diskMb: 0 }

export const loadName = ({ memoryMb, diskMb }: Load): string => {
  if (memoryMb > 0) return `${memoryMb} MB of memory`
  return diskMb > 0 ? `${diskMb} MB on disk` : 'nothing dirtied'
}

const inHome = (name: string): string => `/home/user/${name}`

/** A command line that starts a program of `inside/`, which outlives it and holds none of its streams. */
const starting = async (name: string, args: readonly number[]): Promise<string> => {
  const program = await readFile(path.join(import.meta.dirname, 'inside', `${name}.py`), 'utf8')
  if (program.includes("'")) throw new Error(`${name}.py stands in single quotes and must hold none`)
  return `setsid python3 -c '${program}' ${args.join(' ')} </dev/null >${inHome(`${name}.log`)} 2>&1 &`
}

export const startInside = async (shell: Shell, name: string, args: readonly number[]): Promise<void> =>
  void (await shell(`${await starting(name, args)} true`))

/** For a machine that is to have a resident from its first process on. */
export const startingResident = ({ memoryMb, diskMb }: Load): Promise<string> =>
  starting('resident', [memoryMb, diskMb])

/** Returns when the resident holds what it is to hold. */
export const settled = async (shell: Shell): Promise<void> => {
  const patiently = `for n in $(seq 600); do [ -s ${inHome('resident')} ] && exit 0; sleep 0.1; done`
  await shell(`${patiently}; cat ${inHome('resident.log')} >&2; exit 1`)
}

export interface Note {
  text: string
  resident: string
  count: number
}

const parse = (line: string): { resident: string; count: number; sound: boolean } => {
  const [resident = '', count = '', sound = ''] = line.trim().split(' ')
  return { resident, count: Number(count), sound: sound === 'whole' }
}

/** Leaves a new file, and tells where the resident stands. */
export const note = async (shell: Shell): Promise<Note> => {
  const text = randomUUID()
  const { resident, count } = parse(await shell(`echo ${text} >${inHome('note')}; cat ${inHome('resident')}`))
  return { text, resident, count }
}

/** Prints what is here now, once the resident has counted on or had time enough for it. */
export const look = ((): string => {
  const file = inHome('resident')
  const counted = `for n in $(seq 100); do sleep 0.05; [ "$(cat ${file})" != "$first" ] && break; done`
  return `cat ${inHome('note')}; first=$(cat ${file}); ${counted}; echo "$first"; cat ${file}`
})()

/** Throws unless `seen` (by `look`) goes on from the note: its file, the same resident counting, all it holds whole. */
export const judge = (seen: string, { text, resident, count }: Note): void => {
  const [noted, first = '', later = ''] = seen.split('\n')
  const [before, after] = [parse(first), parse(later)]
  if (noted !== text) throw new Error(`the file says ${noted} and not ${text}`)
  if (after.resident !== resident) throw new Error(`the resident is another: ${later}`)
  if (before.count < count) throw new Error(`the count went back from ${count} to ${before.count}`)
  if (after.count <= before.count) throw new Error(`the count stands still at ${after.count}`)
  if (!after.sound) throw new Error(`the resident found its memory or its file changed: ${later}`)
}

export const checkGoesOn = async (shell: Shell, seen: Note): Promise<void> => judge(await shell(look), seen)

/** A file of so many MB that differs from the one before, written to the disk. */
export const writeBulk = (shell: Shell, name: string, megabytes: number): Promise<string> =>
  shell(`head -c ${megabytes}M /dev/urandom >${inHome(name)}`)

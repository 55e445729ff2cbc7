// The programs that run in the sandbox while it is forked. Their sources are in `inside/`.

export const dir = '/srv/restore'
export const port = 8_700
/** Of the kernel's random numbers, by each clone that knows that it is one. */
export const readsWanted = 1_000

export const sources = ['reads.py', 'draws.py', 'draws.cjs', 'server.py'] as const

/** Each writes a file of its name, and when a clone has done its part one of that name in `done/`. */
export const drawing = ['python', 'python-thaw', 'node', 'node-thaw'] as const
export type Drawing = (typeof drawing)[number]

export const commands: Record<Drawing | 'reads' | 'server', string> = {
  reads: `python3 reads.py ${dir} ${readsWanted}`,
  python: `python3 draws.py ${dir} python`,
  'python-thaw': `python3 draws.py ${dir} python-thaw thaw`,
  node: `node draws.cjs ${dir} node`,
  'node-thaw': `node --require /usr/lib/pandastack/thaw.cjs draws.cjs ${dir} node-thaw`,
  server: `python3 server.py ${port}`,
}

export const writing = ['reads', ...drawing] as const
export type Writing = (typeof writing)[number]

// Where an interactive terminal of a sandbox is, and what its messages mean. The WebSocket itself is opened by the
// program at hand, which alone knows how to hold it back when its screen is slow.

import type { Connection } from './connection.ts'
import { sandboxPath } from './sandboxes.ts'

export interface TerminalAddress {
  url: string
  headers: Record<string, string>
}

export type TerminalMessage = { kind: 'exit'; exitCode: number } | { kind: 'error'; message: string }

export interface Terminals {
  address(id: string, size: { rows: number; cols: number }): TerminalAddress
}

export const terminalsOf = (connection: Connection): Terminals => ({
  address: (id, { rows, cols }) => ({
    url: `${connection.url.replace(/^http/, 'ws')}/v1${sandboxPath(id)}/ssh?rows=${rows}&cols=${cols}`,
    headers: connection.key === '' ? {} : { authorization: `Bearer ${connection.key}` },
  }),
})

/** Bytes of the terminal are binary messages; text messages of the server say how it ended. */
export const terminalMessage = (text: string): TerminalMessage | null => {
  try {
    const said = JSON.parse(text) as { exit?: unknown; error?: unknown }
    if (typeof said.exit === 'number') return { kind: 'exit', exitCode: said.exit }
    if (typeof said.error === 'string') return { kind: 'error', message: said.error }
  } catch {
    // A message of a later server.
  }
  return null
}

export const resizeMessage = (size: { rows: number; cols: number }): string =>
  JSON.stringify({ resize: size })

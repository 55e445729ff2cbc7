// Files of a sandbox. Contents are streams in both directions: neither side ever holds a whole file.

import type { Connection } from './connection.ts'
import { sandboxPath } from './sandboxes.ts'

export interface FileEntry {
  name: string
  is_dir: boolean
  size: number
  mode: string
  /** Unix seconds. */
  mtime: number
}

export interface Files {
  /** The bytes and, for a regular file, how many there are. */
  read(
    id: string,
    path: string,
    options?: { signal?: AbortSignal },
  ): Promise<{ body: ReadableStream<Uint8Array>; sizeBytes: number | null }>
  /** Parents are made; readers see the old file or the whole new one. */
  write(
    id: string,
    path: string,
    body: Uint8Array<ArrayBuffer> | string | ReadableStream<Uint8Array>,
    options?: { signal?: AbortSignal },
  ): Promise<{ path: string; bytes: number }>
  list(id: string, path: string): Promise<FileEntry[]>
  stat(id: string, path: string): Promise<FileEntry>
  remove(id: string, path: string): Promise<void>
}

export const filesOf = (connection: Connection): Files => ({
  read: async (id, path, options = {}) => {
    const reply = await connection.open({
      path: `${sandboxPath(id)}/fs`,
      query: { path },
      headers: { accept: 'application/octet-stream' },
      signal: options.signal,
    })
    const length = reply.headers.get('content-length')
    const body = reply.body ?? new Blob([]).stream()
    return { body, sizeBytes: length === null ? null : Number(length) }
  },
  write: (id, path, body, options = {}) =>
    connection.json<{ path: string; bytes: number }>({
      method: 'PUT',
      path: `${sandboxPath(id)}/fs`,
      query: { path },
      body,
      headers: { 'content-type': 'application/octet-stream' },
      // The reply comes when the last byte is written, however long that takes.
      headMs: 0,
      signal: options.signal,
    }),
  list: async (id, path) => {
    const answer = await connection.json<{ entries: FileEntry[] | null }>({
      path: `${sandboxPath(id)}/fs/dir`,
      query: { path },
    })
    return answer.entries ?? []
  },
  stat: (id, path) => connection.json<FileEntry>({ path: `${sandboxPath(id)}/fs/stat`, query: { path } }),
  remove: (id, path) => connection.none({ method: 'DELETE', path: `${sandboxPath(id)}/fs`, query: { path } }),
})

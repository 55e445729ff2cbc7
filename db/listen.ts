// LISTEN on a connection of its own. When that is lost it connects again with growing pauses and then calls
// `onReconnect`, because whatever was said meanwhile was not heard.

import { Client, escapeIdentifier } from 'pg'
import type { Log } from '@pandastack/kit/log/log.ts'

export interface Listener extends AsyncDisposable {
  /** Resolves once the first connection listens. */
  readonly ready: Promise<void>
}

const pauseMinMs = 100
const pauseMaxMs = 5000

export const listen = (options: {
  url: string
  log: Log
  channels: Record<string, (payload: string) => void>
  onReconnect: () => void
}): Listener => {
  let closed = false
  let client: Client | null = null
  let pauseMs = pauseMinMs
  let timer: NodeJS.Timeout | undefined
  let connectedBefore = false
  const { promise: ready, resolve: setReady } = Promise.withResolvers<void>()

  const retry = (): void => {
    if (closed || timer) return
    timer = setTimeout(() => {
      timer = undefined
      void connect()
    }, pauseMs)
    pauseMs = Math.min(pauseMs * 2, pauseMaxMs)
  }

  const connect = async (): Promise<void> => {
    const mine = new Client({
      connectionString: options.url,
      keepAlive: true,
      connectionTimeoutMillis: 5000,
      application_name: 'pandastack-listen',
    })
    const lost = (err?: unknown): void => {
      if (client === mine) client = null
      mine.removeAllListeners('notification')
      void closeQuietly(mine)
      if (closed) return
      options.log.warn({ err }, 'the listening database connection was lost')
      retry()
    }
    let gone = false
    const once = (err?: unknown): void => {
      if (gone) return
      gone = true
      lost(err)
    }
    mine.on('error', once)
    mine.on('end', () => once())
    mine.on('notification', ({ channel, payload }) => options.channels[channel]?.(payload ?? ''))
    try {
      await mine.connect()
      for (const channel of Object.keys(options.channels))
        await mine.query(`listen ${escapeIdentifier(channel)}`)
    } catch (error) {
      once(error)
      return
    }
    if (closed) {
      await closeQuietly(mine)
      return
    }
    client = mine
    pauseMs = pauseMinMs
    if (connectedBefore) options.onReconnect()
    connectedBefore = true
    setReady()
  }

  void connect()
  return {
    ready,
    async [Symbol.asyncDispose]() {
      closed = true
      clearTimeout(timer)
      if (client) await closeQuietly(client)
    },
  }
}

const closeQuietly = async (client: Client): Promise<void> => {
  try {
    await client.end()
  } catch {
    // It was lost already.
  }
}

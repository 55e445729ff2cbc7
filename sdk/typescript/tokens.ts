// API keys of the caller's project. A key is shown once, when it is made; after that only its prefix.

import type { Token } from '@pandastack/contracts/http/shapes.ts'
import type { Connection } from './connection.ts'

export interface Tokens {
  list(): Promise<Token[]>
  create(input: { label: string; expires_in_days?: number }): Promise<Token & { token: string }>
  revoke(prefix: string): Promise<void>
}

export const tokensOf = (connection: Connection): Tokens => ({
  list: async () => {
    const answer = await connection.json<Token[] | { items: Token[] }>({ path: '/me/tokens' })
    return Array.isArray(answer) ? answer : answer.items
  },
  create: (input) =>
    connection.json<Token & { token: string }>({
      method: 'POST',
      path: '/me/tokens',
      json: input,
      headers: { 'idempotency-key': crypto.randomUUID() },
    }),
  revoke: (prefix) => connection.none({ method: 'DELETE', path: `/me/tokens/${encodeURIComponent(prefix)}` }),
})

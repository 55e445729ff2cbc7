// What the network can refuse, by a kind that the agent can act on.

/**
 * `exhausted`: every slot is in use. `collision`: the addresses asked for are used by this host otherwise.
 * `unclean`: a slot holds what it should not. `invalid`: settings or a slot that cannot be. `closed`: too late.
 */
export type NetworkErrorKind = 'exhausted' | 'collision' | 'unclean' | 'invalid' | 'closed'

export class NetworkError extends Error {
  override name = 'NetworkError'
  readonly kind: NetworkErrorKind
  constructor(kind: NetworkErrorKind, message: string, cause?: unknown) {
    super(message, { cause })
    this.kind = kind
  }
}

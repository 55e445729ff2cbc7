// Every error a caller can meet: one row each. The HTTP body is `{"error": "<message>", "code": "<code>"}`;
// `error` stays a string because the published clients show it as it is.

export const errorCatalogue = {
  invalid_request: { status: 400, retryable: false },
  unauthorized: { status: 401, retryable: false },
  forbidden: { status: 403, retryable: false },
  not_found: { status: 404, retryable: false },
  conflict: { status: 409, retryable: false },
  too_large: { status: 413, retryable: false },
  idempotency_mismatch: { status: 422, retryable: false },
  quota_exceeded: { status: 429, retryable: false },
  rate_limited: { status: 429, retryable: true },
  internal: { status: 500, retryable: false },
  not_implemented: { status: 501, retryable: false },
  upstream: { status: 502, retryable: false },
  no_capacity: { status: 503, retryable: true },
  unavailable: { status: 503, retryable: true },
  snapshot_corrupt: { status: 409, retryable: false },
  snapshot_incompatible: { status: 409, retryable: false },
  exec_timeout: { status: 504, retryable: false },
  no_space: { status: 507, retryable: true },
} as const

export type ErrorCode = keyof typeof errorCatalogue

/** An error meant for the caller. `message` is a sentence of its own layer; `cause` keeps the rest for the log. */
export class PandaError extends Error {
  override name = 'PandaError'
  readonly code: ErrorCode
  readonly retryAfterSeconds: number | undefined

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; retryAfterSeconds?: number } = {},
  ) {
    super(message, { cause: options.cause })
    this.code = code
    this.retryAfterSeconds = options.retryAfterSeconds
  }

  get status(): number {
    return errorCatalogue[this.code].status
  }
}

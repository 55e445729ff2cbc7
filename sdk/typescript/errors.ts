// What can go wrong between this client and the server, as two classes: the server answered with a refusal, or it did
// not answer at all (then nothing is known about the outcome).

/** The server's refusal. `message` is its sentence, word for word. */
export class ApiError extends Error {
  override name = 'ApiError'
  readonly status: number
  readonly code: string | undefined
  readonly hint: string | undefined
  readonly requestId: string | undefined

  constructor(
    status: number,
    message: string,
    details: { code?: string; hint?: string; requestId?: string } = {},
  ) {
    super(message)
    this.status = status
    this.code = details.code
    this.hint = details.hint
    this.requestId = details.requestId
  }
}

/** No answer: refused, cut off, or silent for too long. */
export class Unreachable extends Error {
  override name = 'Unreachable'
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined

/** An `ApiError` from a reply's status and body, whatever is in the body. */
export const errorFromReply = (status: number, body: string, requestId: string | null): ApiError => {
  let fields: Record<string, unknown> = {}
  try {
    const parsed: unknown = JSON.parse(body)
    if (typeof parsed === 'object' && parsed !== null) fields = parsed as Record<string, unknown>
  } catch {
    // Not ours, a proxy's page perhaps: the status and the beginning of the text have to do.
  }
  const message = text(fields['error']) ?? text(fields['message']) ?? text(body.slice(0, 300).trim())
  const code = text(fields['code'])
  const hint = text(fields['hint'])
  return new ApiError(status, message ?? `the server answered ${status}`, {
    ...(code !== undefined && { code }),
    ...(hint !== undefined && { hint }),
    ...(requestId !== null && { requestId }),
  })
}

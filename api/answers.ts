// What routes answer with that is no JSON of a schema: bytes, text, event streams, an upgrade. Only told in the
// document; nothing is checked against it.

import type { FastifySchema } from 'fastify'

export interface Answer {
  description: string
  /** Content types; none: there is no body. */
  types?: readonly string[]
}

declare module 'fastify' {
  interface FastifySchema {
    answers?: Readonly<Record<number, Answer>>
    /** The route is served without a key. */
    open?: boolean
    /** The body is bytes, whatever their type. */
    takesBytes?: boolean
    /** A repeated request with the same `Idempotency-Key` gets the first answer. */
    keyed?: boolean
  }
}

export const eventStream: Answer = { description: 'Server-sent events', types: ['text/event-stream'] }
export const webSocket: Answer = { description: 'The connection becomes a WebSocket' }

/** What a route's schema says only for the document, as the document has it; taken out of the schema. */
export const forDocument = (schema: Record<string, unknown>, said: FastifySchema): void => {
  for (const name of ['answers', 'open', 'takesBytes', 'keyed']) delete schema[name]
  if (said.open) schema['security'] = []
  if (said.takesBytes)
    schema['body'] = {
      content: { 'application/octet-stream': { schema: schemaOf('application/octet-stream') } },
    }
  if (said.keyed)
    schema['headers'] = {
      type: 'object',
      properties: {
        'Idempotency-Key': {
          type: 'string',
          maxLength: 255,
          description: 'Repeated with the same body within a day, the first answer is given again',
        },
      },
    }
  schema['response'] = { ...(schema['response'] as object | undefined), ...described(said.answers) }
}

/** As JSON schemas of responses. */
const described = (answers: Readonly<Record<number, Answer>> = {}): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(answers).map(([status, { description, types }]) => [
      status,
      types
        ? {
            description,
            content: Object.fromEntries(types.map((type) => [type, { schema: schemaOf(type) }])),
          }
        : { description, type: 'null' },
    ]),
  )

const schemaOf = (type: string): Record<string, unknown> => ({
  type: 'string',
  ...(type === 'application/octet-stream' && { format: 'binary' }),
})

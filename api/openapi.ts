// The OpenAPI 3.1 document, made from the schemas of the routes, at /v1/openapi.json.

import swagger from '@fastify/swagger'
import type { FastifySchema } from 'fastify'
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { errorBody } from '@pandastack/contracts/http/shapes.ts'
import { z } from 'zod'
import { forDocument } from './answers.ts'
import type { ApiApp, ApiConfig } from './app.ts'

type Transform = typeof jsonSchemaTransform
type Json = Record<string, unknown>

/** Before the routes. */
export const describeRoutes = async (app: ApiApp, config: ApiConfig): Promise<void> => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'PandaStack',
        description: 'Runs code written by AI agents in forkable sandboxes on machines you own.',
        version: config.version,
        license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
      },
      servers: [{ url: '/' }],
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'An API key, `pds_…`' },
          header: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'The same key' },
        },
      },
      security: [{ bearer: [] }, { header: [] }],
    },
    transform: withErrors as Transform,
    transformObject: (document) => tidy(jsonSchemaTransformObject(document) as unknown as Json) as never,
  })
}

export const serveDocument = (app: ApiApp): void => {
  let text: string | null = null
  app.get(
    '/v1/openapi.json',
    {
      schema: {
        operationId: 'readOpenApi',
        summary: 'This document',
        tags: ['system'],
        open: true,
        answers: { 200: { description: 'OpenAPI 3.1', types: ['application/json'] } },
      },
      config: { public: true },
    },
    async (_request, reply) => {
      text ??= JSON.stringify(app.swagger())
      return reply.type('application/json; charset=utf-8').send(text)
    },
  )
}

/** Every route may answer with our error body; saying so at each of them would be noise. Also what is no JSON. */
const withErrors = (input: Parameters<Transform>[0]): ReturnType<Transform> => {
  const out = jsonSchemaTransform(input)
  const schema = out.schema as Json
  if (!schema || schema['hide']) return out
  forDocument(schema, input.schema as FastifySchema)
  schema['response'] = {
    ...(schema['response'] as Json),
    default: { ...errorSchema, description: 'What went wrong' },
  }
  return out
}

const errorSchema = z.toJSONSchema(errorBody.omit({}), { io: 'output' }) as Json

interface Document {
  paths: Record<string, Record<string, { responses?: Record<string, { content?: unknown }> }>>
  components?: { schemas?: Record<string, unknown> }
}

/** A schema appears once as what comes in and once as what goes out; where both are the same, one name is enough. */
const tidy = (document: Json): Json => {
  const components = document['components'] as { schemas?: Record<string, unknown> } | undefined
  const schemas = components?.schemas ?? {}
  const doubles = Object.keys(schemas).filter((name) => {
    const plain = name.replace(/Input$/, '')
    return plain !== name && plain in schemas
  })
  // The rest of a path has no name in the router.
  let text = JSON.stringify(document)
    .replaceAll('/{*}"', '/{path}"')
    .replaceAll('"name":"*"', '"name":"path"')
  for (const name of doubles) {
    const plain = name.replace(/Input$/, '')
    text = text.replaceAll(`"#/components/schemas/${name}"`, `"#/components/schemas/${plain}"`)
  }
  const tidied = JSON.parse(text) as Document
  for (const name of doubles) delete tidied.components?.schemas?.[name]
  for (const operation of Object.values(tidied.paths).flatMap((path) => Object.values(path))) {
    // A reply without a body has no schema either.
    delete operation.responses?.['204']?.content
  }
  return tidied as unknown as Json
}

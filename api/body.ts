// JSON bodies, whatever content type the client claims: one published client posts nothing as `text/plain`, scripts
// post JSON as forms. Empty is the same as `{}`. Depth is bounded before parsing, because what walks a value later does
// so recursively.

import { PandaError } from '@pandastack/contracts/errors.ts'
import type { ApiApp } from './app.ts'

const depthMax = 64

/** For a scope whose bodies are JSON. A nested scope that wants bytes replaces the parsers. */
export const acceptJson = (scope: ApiApp): void => {
  const parse = scope.getDefaultJsonParser('error', 'error')
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', { parseAs: 'string' }, (request, text, done) => {
    const json = String(text)
    if (json.trim() === '') return done(null, undefined)
    if (isDeeper(json, depthMax)) return done(invalid(`the body is nested deeper than ${depthMax} levels`))
    return parse(request, json, (error, value) => {
      if (error) done(invalid('the body is not valid JSON'))
      else done(null, value)
    })
  })
  scope.addHook('preValidation', async (request) => {
    if (request.body === undefined && request.routeOptions.schema?.body) request.body = {}
  })
}

const invalid = (message: string): PandaError => new PandaError('invalid_request', message)

/** Counts brackets outside of strings. */
export const isDeeper = (json: string, max: number): boolean => {
  let depth = 0
  for (let i = 0; i < json.length; i++) {
    const char = json.charCodeAt(i)
    if (char === quote) i = endOfString(json, i)
    else if (char === openBrace || char === openBracket) {
      depth += 1
      if (depth > max) return true
    } else if (char === closeBrace || char === closeBracket) depth -= 1
  }
  return false
}

const quote = 0x22
const backslash = 0x5c
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d

const endOfString = (json: string, start: number): number => {
  let i = start + 1
  while (i < json.length && json.charCodeAt(i) !== quote) i += json.charCodeAt(i) === backslash ? 2 : 1
  return i
}

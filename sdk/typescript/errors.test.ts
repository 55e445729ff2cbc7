import { expect, test } from 'vitest'
import { errorFromReply } from './errors.ts'

test('the server’s sentence, code and hint are kept', () => {
  const error = errorFromReply(409, '{"error":"paused","code":"conflict","hint":"resume it"}', 'r1')
  expect(error).toMatchObject({
    status: 409,
    message: 'paused',
    code: 'conflict',
    hint: 'resume it',
    requestId: 'r1',
  })
})

test.each([
  ['<html>bad gateway</html>', '<html>bad gateway</html>'],
  ['', 'the server answered 502'],
  ['null', 'null'],
  ['{"error":{"nested":1}}', '{"error":{"nested":1}}'],
])('a body that is not ours (%j) still gives a sentence', (body, message) => {
  expect(errorFromReply(502, body, null)).toMatchObject({ status: 502, message, code: undefined })
})

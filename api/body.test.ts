import { expect, test } from 'vitest'
import { isDeeper } from './body.ts'

test('brackets nest, those in strings and those that are closed do not', () => {
  expect(isDeeper('[[1]]', 2)).toBe(false)
  expect(isDeeper('[[[1]]]', 2)).toBe(true)
  expect(isDeeper('{"a":{"b":[]}}', 2)).toBe(true)
  expect(isDeeper('[[],[],[[]]]', 2)).toBe(true)
  expect(isDeeper('[[],[],[],{}]', 2)).toBe(false)
  expect(isDeeper(JSON.stringify({ a: '[[[{{{\\"[[[' }), 1)).toBe(false)
  expect(isDeeper('["a\\\\",[[]]]', 2)).toBe(true)
})

test('broken text ends the count, not the process', () => {
  expect(isDeeper('["never closed', 5)).toBe(false)
  expect(isDeeper('"\\', 5)).toBe(false)
  expect(isDeeper(']]]][', 5)).toBe(false)
})

import { expect, test } from 'vitest'
import { durationText, sizeText } from './duration.ts'

test.each([
  [0, '0.0 s'],
  [440, '0.4 s'],
  [9940, '9.9 s'],
  [9960, '10 s'],
  [59_400, '59 s'],
  [59_600, '1 min'],
  [184_000, '3 min 4 s'],
  [7_500_000, '2 h 5 min'],
  [349_200_000, '4 d 1 h'],
])('%d ms reads %s', (ms, text) => expect(durationText(ms)).toBe(text))

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [1536, '1.5 KiB'],
  [1024 ** 2 - 1, '1.0 MiB'],
  [300 * 1024 ** 2, '300 MiB'],
  [5 * 1024 ** 5, '5.0 PiB'],
])('%d bytes read %s', (bytes, text) => expect(sizeText(bytes)).toBe(text))

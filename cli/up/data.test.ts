import { expect, test } from 'vitest'
import { backingText, imageProgress } from './data.ts'

test('progress is the last whole line of it', () => {
  const output =
    'noise\n{"image":"base","step":"packages","percent":12}\n{"image":"base","step":"seal","percent":90}\n{"image":"ba'
  expect(imageProgress(output)).toEqual({ step: 'seal', percent: 90 })
  expect(imageProgress('{"image":"base","digest":"x"}\n')).toBeNull()
  expect(imageProgress('')).toBeNull()
})

test('how the data is kept is said in words', () => {
  expect(backingText('{"reflink":true,"fs":"xfs","backing":"loop","volumeFile":"/x"}')).toBe(
    'XFS in a sparse file',
  )
  expect(backingText('{"reflink":true,"fs":"btrfs","backing":"native"}')).toBe('btrfs, with reflinks')
  expect(backingText('{"reflink":false,"fs":"ext4","backing":"plain","reason":"no loop"}')).toContain(
    'no loop',
  )
})

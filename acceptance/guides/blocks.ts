// The code of a guide: its `python` and `sh` blocks in order, each with the output that a `text` block right behind it
// promises. Pure.

export interface Block {
  language: 'python' | 'sh'
  /** Where its code begins in the guide. */
  line: number
  code: string
  /** Null: anything goes. `…` in it stands for any text within a line. */
  expected: string | null
}

const fence = /^```(\w*)\s*$/

export const blocksOf = (guide: string): Block[] => {
  const blocks: Block[] = []
  let open: { language: string; line: number; lines: string[] } | null = null
  /** Until something else than an empty line comes. */
  let last: Block | null = null
  for (const [index, line] of guide.split('\n').entries()) {
    const language = fence.exec(line)?.[1]
    if (open && language === undefined) open.lines.push(line)
    else if (open) {
      const code = open.lines.join('\n')
      if (open.language === 'text' && last) last.expected = code
      last = null
      if (open.language === 'python' || open.language === 'sh') {
        last = { language: open.language, line: open.line, code, expected: null }
        blocks.push(last)
      }
      open = null
    } else if (language !== undefined) open = { language, line: index + 2, lines: [] }
    else if (line.trim() !== '') last = null
  }
  return blocks
}

/** White space at the ends of lines and of the whole is nobody's matter. */
const bare = (text: string): string =>
  text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .trim()

export const fits = (expected: string, output: string): boolean => {
  const parts = bare(expected)
    .split('…')
    .map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`))
  return new RegExp(`^${parts.join('[^\\n]*')}$`).test(bare(output))
}

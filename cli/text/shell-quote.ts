// Words as one line that a POSIX shell reads back as the same words. Pure.

const harmless = /^[A-Za-z0-9_@%+=:,./-]+$/

export const shellQuote = (word: string): string =>
  harmless.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`

/** One word is shell text as it is, like `sh -c`; several are a program and its arguments. */
export const commandLine = (words: readonly string[]): string =>
  words.length === 1 ? (words[0] as string) : words.map(shellQuote).join(' ')

// Names that refuse no responsibility: a class or a folder with such a name grows until it is everything.

import type { Facts } from '../facts.ts'
import type { Violation } from '../violation.ts'

const noun = /(Manager|Engine|Helper|Util)s?(?=[A-Z]|$)/
const folder = /(^|\/)(packages|shared|common|utils?|helpers?|misc)(\/|\.[cm]?[jt]sx?$)/

export const names = (all: readonly Facts[]): Violation[] => {
  const found: Violation[] = []
  for (const { path, nouns } of all) {
    const part = folder.exec(path)?.[2]
    if (part) found.push({ path, line: 1, rule: 'names', message: `"${part}" says nothing of what is in it` })
    for (const { name, line } of nouns) {
      if (noun.test(name))
        found.push({ path, line, rule: 'names', message: `${name}: name the one thing it does` })
    }
  }
  return found
}

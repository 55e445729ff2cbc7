export interface Violation {
  path: string
  line: number
  rule: string
  message: string
}

/** One line of output: where, which rule, what. */
export const show = (violation: Violation): string =>
  `${violation.path}:${violation.line} ${violation.rule}: ${violation.message}`

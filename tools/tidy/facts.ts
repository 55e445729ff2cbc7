// What the rules need to know of one source file, gathered in a single walk over its syntax tree. Pure.

import { parseSync, Visitor, type CallExpression, type Function as FunctionNode } from 'oxc-parser'

export interface Import {
  specifier: string
  line: number
  typeOnly: boolean
}

export interface Extent {
  name: string
  line: number
  lineCount: number
}

/** A function's length is its own: what the functions inside it take is theirs, so a factory of closures is judged by its parts. */
const ownLengths = (spans: readonly (Extent & Span)[]): Extent[] => {
  const parentOf = (inner: Span): (Extent & Span) | undefined =>
    spans
      .filter((outer) => outer !== inner && outer.start <= inner.start && outer.end >= inner.end)
      .sort((a, b) => a.end - a.start - (b.end - b.start))[0]
  const own = new Map(spans.map((span) => [span, span.lineCount]))
  for (const span of spans) {
    const parent = parentOf(span)
    // The line that a nested function starts on is also its parent's.
    if (parent) own.set(parent, (own.get(parent) ?? 0) - (span.lineCount - 1))
  }
  return spans.map((span) => ({ name: span.name, line: span.line, lineCount: own.get(span) ?? 0 }))
}

export interface Facts {
  path: string
  lineCount: number
  imports: Import[]
  functions: Extent[]
  /** Classes and interfaces. */
  nouns: { name: string; line: number }[]
  environmentReads: number[]
  parseError: string | undefined
}

interface Span {
  start: number
  end: number
}

const lineFinder = (text: string): ((offset: number) => number) => {
  const starts = [0]
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return (offset) => {
    let low = 0
    let high = starts.length - 1
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if ((starts[middle] ?? 0) <= offset) low = middle
      else high = middle - 1
    }
    return low + 1
  }
}

/** `describe(…)`, `describe.each(…)(…)` and the like: they group, so their callback's length says nothing. */
const isGrouping = (call: CallExpression): boolean => {
  let callee: unknown = call.callee
  for (;;) {
    const node = callee as { type: string; name?: string; object?: unknown; callee?: unknown; tag?: unknown }
    if (node.type === 'Identifier') return node.name === 'describe'
    callee = node.object ?? node.callee ?? node.tag
    if (callee === undefined || callee === null) return false
  }
}

const named = (node: unknown, name: string): boolean => {
  const { type, ...rest } = node as { type: string; name?: string; value?: unknown; property?: unknown }
  if (type === 'Identifier') return rest.name === name
  if (type === 'Literal') return rest.value === name
  return type === 'MemberExpression' && named(rest.property, name)
}

const literal = (node: unknown): string | undefined => {
  const { type, value } = node as { type: string; value?: unknown }
  return type === 'Literal' && typeof value === 'string' ? value : undefined
}

export const factsOf = (path: string, text: string): Facts => {
  const { program, errors } = parseSync(path, text)
  const lineOf = lineFinder(text)
  const lineCount = text === '' ? 0 : text.replace(/\n$/, '').split('\n').length
  const facts: Facts = {
    path,
    lineCount,
    imports: [],
    functions: [],
    nouns: [],
    environmentReads: [],
    parseError: errors[0]?.message,
  }
  const grouping = new Set<number>()
  const functions: (Extent & Span)[] = []

  const noteImport = (specifier: string | undefined, node: Span, typeOnly: boolean): void => {
    if (specifier !== undefined) facts.imports.push({ specifier, line: lineOf(node.start), typeOnly })
  }
  const noteFunction = (node: Span, name: string): void => {
    if (grouping.has(node.start)) return
    const line = lineOf(node.start)
    const lineCount = lineOf(node.end) - line + 1
    functions.push({ name, line, lineCount, start: node.start, end: node.end })
  }
  const noteEnvironment = (node: Span): void => void facts.environmentReads.push(lineOf(node.start))
  const noteNoun = (id: { name: string } | null, node: Span): void => {
    if (id) facts.nouns.push({ name: id.name, line: lineOf(node.start) })
  }

  new Visitor({
    ImportDeclaration(node) {
      noteImport(node.source.value, node, node.importKind === 'type')
      const fromProcess = /^(node:)?process$/.test(node.source.value)
      for (const entry of node.specifiers) {
        if (fromProcess && entry.type === 'ImportSpecifier' && named(entry.imported, 'env'))
          noteEnvironment(entry)
      }
    },
    ExportAllDeclaration: (node) => noteImport(node.source.value, node, node.exportKind === 'type'),
    ExportNamedDeclaration: (node) => noteImport(node.source?.value, node, node.exportKind === 'type'),
    ImportExpression: (node) => noteImport(literal(node.source), node, false),
    TSImportType: (node) => noteImport(literal(node.source), node, true),
    CallExpression(node) {
      const [first] = node.arguments
      const loads = named(node.callee, 'require') || named(node.callee, 'getBuiltinModule')
      if (first && loads) noteImport(literal(first), node, false)
      if (isGrouping(node)) for (const argument of node.arguments) grouping.add(argument.start)
    },
    FunctionDeclaration: (node: FunctionNode) => noteFunction(node, node.id?.name ?? 'function'),
    FunctionExpression: (node: FunctionNode) => noteFunction(node, node.id?.name ?? 'function'),
    ArrowFunctionExpression: (node) => noteFunction(node, 'function'),
    ClassDeclaration: (node) => noteNoun(node.id, node),
    ClassExpression: (node) => noteNoun(node.id, node),
    TSInterfaceDeclaration: (node) => noteNoun(node.id, node),
    MemberExpression(node) {
      if (named(node.property, 'env') && named(node.object, 'process')) noteEnvironment(node)
    },
    VariableDeclarator(node) {
      if (node.id.type !== 'ObjectPattern' || !node.init || !named(node.init, 'process')) return
      for (const entry of node.id.properties) {
        if (entry.type === 'Property' && named(entry.key, 'env')) noteEnvironment(entry)
      }
    },
  }).visit(program)
  facts.functions = ownLengths(functions)
  return facts
}

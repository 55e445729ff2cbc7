// Prometheus metrics. One registry per process, made by its composition root and handed down; no global state,
// so that several processes' worth of code can live in one test process.

import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'

export interface Metrics {
  readonly registry: Registry
  counter<Label extends string>(name: string, help: string, labels?: readonly Label[]): Counter<Label>
  gauge<Label extends string>(
    name: string,
    help: string,
    labels?: readonly Label[],
    collect?: (gauge: Gauge<Label>) => void,
  ): Gauge<Label>
  histogram<Label extends string>(
    name: string,
    help: string,
    bucketsSeconds: number[],
    labels?: readonly Label[],
  ): Histogram<Label>
  text(): Promise<string>
}

export const createMetrics = (options: { processMetrics?: boolean } = {}): Metrics => {
  const registry = new Registry()
  if (options.processMetrics) collectDefaultMetrics({ register: registry })
  const registers = [registry]
  return {
    registry,
    counter: (name, help, labels = []) => new Counter({ name, help, labelNames: labels, registers }),
    gauge: (name, help, labels = [], collect) =>
      new Gauge({
        name,
        help,
        labelNames: labels,
        registers,
        ...(collect && {
          collect() {
            collect(this)
          },
        }),
      }),
    histogram: (name, help, buckets, labels = []) =>
      new Histogram({ name, help, buckets, labelNames: labels, registers }),
    text: () => registry.metrics(),
  }
}

// Runs the seed's own JavaScript: takes its ```javascript blocks out of the markdown file given as argument,
// reads one case a line from stdin and writes one outcome a line to stdout. See README.md.
//
// The seed names ExecutionContext, ExecutionResult, ExecutionException and SimpleSequentialStrategy without
// defining them; they are supplied here in the plainest form that its text allows.
//
// SPDX-License-Identifier: Apache-2.0
import fs from 'node:fs';
import readline from 'node:readline';

// The clock of the seed's code: a number that each case sets. What takes time is not compared.
const clock = { now: 0 };
class CaseDate extends Date {
  constructor(...given) {
    super(...(given.length ? given : [clock.now]));
  }
  static now() {
    return clock.now;
  }
}

const blocks = [...fs.readFileSync(process.argv[2], 'utf8').matchAll(/```javascript\n([\s\S]*?)```/g)];
const seed = new Function('Date', `
class ExecutionContext { constructor(fields) { Object.assign(this, fields); } }
class ExecutionResult { constructor(fields) { Object.assign(this, fields); } }
class ExecutionException extends Error { constructor(message, cause) { super(message); this.cause = cause; } }
${blocks.map((block) => block[1]).join('\n')}
class SimpleSequentialStrategy extends BasicSequentialStrategy {
  constructor() { super(); this.name = 'simple_sequential'; }
}
return { SequentialExecutionEngine, ExecutionQueue, ExecutionScheduler };`)(CaseDate);

class Context {
  constructor(entries) {
    this.entries = new Map(Object.entries(entries));
  }
  get(key) {
    return this.entries.get(key);
  }
  set(key, value) {
    this.entries.set(key, value);
  }
  has(key) {
    return this.entries.has(key);
  }
  remove(key) {
    return this.entries.delete(key);
  }
}

const silent = { info() {}, error() {}, warn() {}, debug() {} };

async function perform(spec, context, engine) {
  for (const action of spec.actions) {
    if ('set' in action) context.set(action.set, action.value);
    else context.remove(action.remove);
  }
  if ('fail' in spec) throw new Error(spec.fail);
  if ('has' in spec) return context.has(spec.has);
  if ('from' in spec) return spec.path.reduce((at, key) => at?.[key], context.get(spec.from)) ?? null;
  if ('status' in spec) {
    const { status, executionId, workflowName, strategy } = engine.getExecutionStatus(context.get('executionId'));
    const same = executionId === context.get('executionId');
    return { status, same, workflowName, strategy, metrics: await engine.getSystemMetrics() };
  }
  return spec.value ?? null;
}

async function runWorkflow({ name, steps, context: entries, options }) {
  const engine = new seed.SequentialExecutionEngine({ logger: silent });
  const context = new Context(entries);
  const workflow = {
    _steps: steps.map((spec) => ({
      getMetadata: () => ({ name: spec.name }),
      execute: (given) => perform(spec, given, engine),
    })),
    getMetadata: () => ({ name, steps }),
  };
  let scheduled;
  const schedule = engine.executionScheduler.schedule.bind(engine.executionScheduler);
  engine.executionScheduler.schedule = async (execution) => (scheduled = await schedule(execution));
  const result = await engine.executeWorkflow(workflow, context, options);
  return {
    success: result.success,
    strategy: result.strategy,
    stepCount: result.stepCount,
    results: result.results,
    priority: scheduled.priority,
    estimate: scheduled.estimatedDuration,
    dependencies: scheduled.dependencies,
    id: scheduled.id,
    context: Object.fromEntries(context.entries),
    after: engine.getExecutionStatus(scheduled.id),
    metrics: await engine.getSystemMetrics(),
  };
}

function runQueue({ maxSize, operations }) {
  const queue = new seed.ExecutionQueue();
  if (maxSize) queue.maxSize = maxSize;
  return operations.map(({ now, enqueue, what }) => {
    clock.now = now;
    if (enqueue) return queue.enqueue({ id: enqueue });
    switch (what) {
      case 'dequeue': {
        const item = queue.dequeue();
        return item && { id: item.id, queuedAt: item.queuedAt.getTime() };
      }
      case 'clear':
        return queue.clear() ?? null;
      case 'length':
        return [queue.getLength(), queue.isEmpty()];
    }
    const { length, maxSize: most, oldestItem, newestItem } = queue.getStatistics();
    return { length, maxSize: most, oldest: oldestItem?.getTime() ?? null, newest: newestItem?.getTime() ?? null };
  });
}

const describe = (scheduled) =>
  scheduled && {
    id: scheduled.id,
    scheduledAt: scheduled.scheduledAt.getTime(),
    priority: scheduled.priority,
    estimate: scheduled.estimatedDuration,
    dependencies: scheduled.dependencies,
  };

async function runScheduler({ operations }) {
  const scheduler = new seed.ExecutionScheduler();
  const outcomes = [];
  for (const { now, schedule, get, remove } of operations) {
    clock.now = now;
    if (schedule) {
      const { id, steps, options } = schedule;
      const workflow = { getMetadata: () => ({ name: id, steps: Array(steps).fill(0) }) };
      outcomes.push(describe(await scheduler.schedule({ id, workflow, options })));
    } else if (get) outcomes.push(describe(scheduler.getScheduledExecution(get)));
    else if (remove) outcomes.push(scheduler.removeScheduledExecution(remove));
    else outcomes.push(scheduler.getStatistics());
  }
  return outcomes;
}

const kinds = { workflow: runWorkflow, queue: runQueue, scheduler: runScheduler };
for await (const line of readline.createInterface({ input: process.stdin })) {
  const given = JSON.parse(line);
  console.log(JSON.stringify(await kinds[given.kind](given)));
}
